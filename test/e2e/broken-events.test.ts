import { describe, expect, test } from 'vitest'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { readReply } from '../faults/read-answer.ts'
import { startGateway } from '../support/gateway.ts'

const DOORS = [
  ['chat', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello' }] }],
  ['responses', '/v1/responses', { input: 'Hello' }],
  ['messages', '/v1/messages', { max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] }],
] as const
const NAMED = '{"type":"response.output_text.delta","del§ta":"lost","item_id":"msg'
const NAMELESS = '{"ty§pe":"response.output_text.delta","delta":"lost'

/** An event whose JSON cannot be read, in the middle of a text. */
function scenario(transport: string, json: string): ScenarioInput {
  const raw = transport === 'sse' ? `event: response.output_text.delta\ndata: ${json}\n\n` : json
  return {
    after_events: 40,
    stream: [{ created: true }, { text: 'Some text.', deltas: 4 }, { raw }, { completed: true }],
  }
}

describe.each(['sse', 'websocket'] as const)('over %s', (transport) => {
  test.each([NAMED, NAMELESS])('an event that is no JSON is an honest failure at every door: %s', async (json) => {
    const yaml = `backends: { openai_codex: { extra: { codex: { transport: ${transport} } } } }`
    const { simulator, post } = await startGateway({ yaml, simulator: { webSocket: 'accept' } })
    for (const [door, path, body] of DOORS) {
      simulator.play(scenario(transport, json), scenario(transport, json))
      const streamed = await post(path, { model: 'gpt-5.5', stream: true, ...body })
      const reading = readReply({ door, stream: true, status: streamed.status, body: await streamed.text() })
      expect([door, reading.ends, reading.oddities]).toEqual([door, ['failure'], []])
      expect('Some text.'.startsWith(reading.text)).toBe(true)
      const whole = await post(path, { model: 'gpt-5.5', stream: false, ...body })
      expect([door, whole.status, await whole.text()]).toEqual([door, 502, expect.stringContaining('no JSON')])
    }
    expect(simulator.requests).toHaveLength(DOORS.length * 2)
  })
})
