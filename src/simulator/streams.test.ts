import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { BODY, eventsOf, post, signedIn, useSimulator } from '../../test/support/simulator.ts'
import type { Simulator } from './server.ts'

describe('streams', () => {
  test('one-byte chunks, other line ends and missing event lines carry the same events', async () => {
    const simulator = await useSimulator()
    simulator.play(
      { stream: [{ say: 'é “☀”' }], chunking: 'byte' },
      { stream: [{ say: 'é “☀”' }], newline: 'cr', event_lines: false, chunking: 3 },
    )
    expect((await eventsOf(await post(simulator))).map(({ delta }) => delta).filter(Boolean)).toEqual(['é', ' “☀”'])
    const text = await (await post(simulator)).text()
    expect(text).not.toContain('\n')
    expect(text.split('\r\r').every((frame) => frame === '' || frame.startsWith('data: {'))).toBe(true)
  })

  test('one byte a chunk is one byte a packet', async () => {
    const simulator = await useSimulator({ anyToken: true, strict: false })
    simulator.play({ chunking: 'byte', stream: [{ raw: 'data: 12345\n\n' }] })
    const reads = await rawReads(simulator)
    expect(reads).toBeGreaterThan(8)
  })

  test('a cut delivers what was written and is no end', async () => {
    const simulator = await useSimulator()
    simulator.play('cut-mid-text')
    const response = await post(simulator)
    const seen: string[] = []
    const read = async () => {
      for await (const chunk of response.body ?? []) seen.push(Buffer.from(chunk).toString())
    }
    await expect(read()).rejects.toThrow()
    expect(seen.join('')).toContain('that goes')
    await expect.poll(() => simulator.requests[0]?.finished).toBe(false)
    expect(simulator.requests[0]?.closedAtMs).toBeUndefined()
  })

  test("the client's leaving is recorded at once, while streaming and while silent", async () => {
    const simulator = await useSimulator()
    for (const scenario of ['stalls-mid-text', 'never-answers']) {
      simulator.play(scenario)
      const abort = new AbortController()
      const { baseUrl } = simulator
      const answer = fetch(`${baseUrl}/responses`, {
        method: 'POST',
        headers: signedIn(simulator),
        body: JSON.stringify(BODY),
        signal: abort.signal,
      })
      await expect.poll(() => simulator.requests.at(-1)?.scenario).toBe(scenario)
      if (scenario === 'stalls-mid-text') await answer
      const leftAtMs = Date.now()
      abort.abort()
      await answer.catch(() => undefined)
      await expect.poll(() => simulator.requests.at(-1)?.closedAtMs).toBeGreaterThanOrEqual(leftAtMs)
      expect((simulator.requests.at(-1)?.closedAtMs ?? 0) - leftAtMs).toBeLessThan(500)
    }
  })

  test('a client that does not read is not written to', async () => {
    const simulator = await useSimulator()
    simulator.play({ stream: [{ created: true }, { text: 'x'.repeat(50_000_000), deltas: 5000 }] })
    const abort = new AbortController()
    await fetch(`${simulator.baseUrl}/responses`, {
      method: 'POST',
      headers: signedIn(simulator),
      body: JSON.stringify(BODY),
      signal: abort.signal,
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(simulator.onlyRequest().bytesOffered).toBeLessThan(20_000_000)
    abort.abort()
  })

  test('an idle connection is closed, or reset under the next request', async () => {
    const simulator = await useSimulator()
    simulator.play({ stream: [{ say: 'a' }], end: 'idle_after' }, { stream: [{ say: 'b' }], end: 'reset_next' })
    for (let i = 0; i < 3; i += 1) {
      const attempt = async () => (await post(simulator)).text()
      expect(await attempt().catch(attempt)).toContain('response.completed')
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    expect(simulator.requests).toHaveLength(3)
  })
})

/** How many reads it takes to receive an answer over a bare socket. */
function rawReads(simulator: Simulator): Promise<number> {
  return new Promise((resolve, reject) => {
    let reads = 0
    const { port } = new URL(simulator.url)
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write('POST /responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}')
    })
    socket.on('data', () => {
      reads += 1
    })
    socket.once('end', () => resolve(reads))
    socket.once('error', reject)
  })
}
