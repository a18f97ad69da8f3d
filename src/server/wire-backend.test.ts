import { expect, test } from 'vitest'
import { firstCatalogueWaitMs } from './wire-backend.ts'

test('C-12: a silent backend’s catalogue does not add a whole timeout to the turn’s own', () => {
  expect([1, 1.0011, 4, 600].map((seconds) => firstCatalogueWaitMs(seconds * 1000))).toEqual([500, 500, 2000, 2000])
})
