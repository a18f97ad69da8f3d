import { expect, test } from 'vitest'
import { SealedOwners } from './sealed-owners.ts'

const sealed = (text: string) => ({ type: 'reasoning', summary: [], encrypted_content: text })
const message = { type: 'message', role: 'user', content: 'hi' }

test('what another account sealed is left out; the own, the unknown and everything else stays', () => {
  const owners = new SealedOwners()
  owners.remember('a', [sealed('of a'), message])
  owners.remember('b', [sealed('of b')])
  const input = [message, sealed('of a'), sealed('of b'), sealed('of nobody')]
  expect(owners.without('a', input)).toEqual([message, sealed('of a'), sealed('of nobody')])
  expect(owners.without('b', input)).toEqual([message, sealed('of b'), sealed('of nobody')])
})
