import { expect, test } from 'vitest'
import { FILE_CHANGES, fileChange, kills, twoGateways } from '../support/sign-in-proof.ts'

/** The short form of `npm run test:accounts`. */

test('two gateways share one file while tokens expire every two seconds: all requests succeed, no token is sent twice', async () => {
  const { refreshes } = await twoGateways(50, 2, 100)
  expect(refreshes).toBeGreaterThanOrEqual(2)
})

test('a gateway killed at random moments starts again signed in', async () => {
  const { lost } = await kills(3, 1)
  expect(lost).toBeLessThanOrEqual(1)
})

test.each(Object.keys(FILE_CHANGES))('a sign-in file that is %s costs no request and no sign-in', async (name) => {
  await fileChange(name, 1)
})
