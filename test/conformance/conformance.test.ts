import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Open, openGateway } from '../support/gateway.ts'
import { messagesClient } from '../support/messages-client.ts'
import { type Claim, DOORS, type Lab, TRANSPORTS } from './row.ts'
import { CALLS, FEATURE_ROWS, FIELD_ROWS } from './rows.ts'

const ROWS = [...FEATURE_ROWS, ...FIELD_ROWS]

for (const transport of TRANSPORTS) {
  describe(`O-05: over ${transport}`, () => {
    let gateway: Open
    let lab: Lab

    beforeAll(async () => {
      gateway = await openGateway({ simulator: { webSocket: transport === 'websocket' ? 'accept' : 426 } })
      const { simulator, client: openai } = gateway
      lab = { transport, simulator, openai, anthropic: messagesClient(gateway) }
    })
    afterAll(() => gateway.close())

    async function hold(claim: Claim): Promise<void> {
      lab.simulator.resetState()
      await claim.check(lab)
      for (const request of lab.simulator.requests) expect(request.transport).toBe(transport)
    }

    for (const { feature, claims } of ROWS) {
      for (const door of DOORS) {
        const claim = claims[door]
        if (claim !== undefined) test(`${door}: ${feature}: ${claim.outcome}`, () => hold(claim))
      }
    }
    for (const { call, claim } of CALLS) test(`${call}: ${claim.outcome}`, () => hold(claim))
  })
}

test('no two rows have one name', () => {
  const names = [...ROWS.map(({ feature }) => feature), ...CALLS.map(({ call }) => call)]
  expect(names).toEqual([...new Set(names)])
})
