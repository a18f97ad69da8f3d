/**
 * CPU time of the gateway process per streamed event, as a ratio to a bare `node:http` pipe on the same Node in the
 * same run. Targets take turns, so that a machine that speeds up or slows down does so for all of them.
 *
 *   npm run bench                     every door, 300 deltas, 32 at once
 *   npm run bench -- --soak 20000     memory of the gateway over so many requests
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runLoad } from './load.ts'
import { cpuMs, residentBytes, type Started, startScript } from './process.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '400' },
    deltas: { type: 'string', default: '300' },
    concurrency: { type: 'string', default: '32' },
    soak: { type: 'string', default: '0' },
  },
})
const rounds = Number(flags.rounds)
const requests = Number(flags.requests)
const deltas = Number(flags.deltas)
const concurrency = Number(flags.concurrency)

const root = join(import.meta.dirname, '..')
const responsesBody = JSON.stringify({ model: 'gpt-5.5', stream: true, input: 'Hello' })
const messages = [{ role: 'user', content: 'Hello' }]
const chatBody = JSON.stringify({ model: 'gpt-5.5', stream: true, messages })
// As agents send it: every request of this protocol has a limit, which none of these answers comes near.
const messagesBody = JSON.stringify({ model: 'gpt-5.5', stream: true, max_tokens: 32_000, messages })

interface Target {
  readonly name: string
  readonly started: Started
  readonly path: string
  readonly body: string
}

const upstream = await startScript([join(root, 'bench/upstream.ts'), String(deltas)])
const pipe = await startScript([join(root, 'bench/pipe.ts'), String(upstream.port)])
const gateway = await startGateway(upstream.port)
const targets: readonly Target[] = [
  { name: 'bare pipe', started: pipe, path: '/responses', body: responsesBody },
  { name: '/v1/responses', started: gateway, path: '/v1/responses', body: responsesBody },
  { name: '/v1/chat/completions', started: gateway, path: '/v1/chat/completions', body: chatBody },
  { name: '/v1/messages', started: gateway, path: '/v1/messages', body: messagesBody },
]

try {
  if (Number(flags.soak) > 0) await soak(Number(flags.soak))
  else await compare()
} finally {
  for (const { child } of [upstream, pipe, gateway]) child.kill()
}

async function compare(): Promise<void> {
  for (const target of targets) await measure(target, requests) // warm-up
  const samples = new Map<string, number[]>(targets.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) samples.get(target.name)?.push(await measure(target, requests))
  }
  const base = median(samples.get('bare pipe') ?? [])
  console.log(
    `Node ${process.version}, ${rounds} rounds of ${requests} requests × ${deltas} deltas, ${concurrency} at once\n`,
  )
  console.log('| target | µs CPU per event (median) | min–max | ratio to the pipe |')
  console.log('|---|---|---|---|')
  for (const [name, values] of samples) {
    const middle = median(values)
    const range = `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`
    console.log(`| ${name} | ${middle.toFixed(2)} | ${range} | ${(middle / base).toFixed(2)} |`)
  }
}

async function soak(total: number): Promise<void> {
  const steps = 10
  console.log('| requests | resident MiB |')
  console.log('|---|---|')
  for (let step = 1; step <= steps; step += 1) {
    const target = targets[1 + (step % (targets.length - 1))]
    if (target !== undefined) await measure(target, Math.round(total / steps))
    const mib = residentBytes(gateway.child.pid ?? 0) / 1024 / 1024
    console.log(`| ${Math.round((total / steps) * step)} | ${mib.toFixed(1)} |`)
  }
}

/** @returns µs of CPU per event of the target's process */
async function measure({ name, started, path, body }: Target, count: number): Promise<number> {
  const pid = started.child.pid ?? 0
  const before = cpuMs(pid)
  const result = await runLoad({ port: started.port, path, body, requests: count, concurrency })
  if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${count} requests failed`)
  return ((cpuMs(pid) - before) * 1000) / (count * deltas)
}

async function startGateway(upstreamPort: number): Promise<Started> {
  const home = mkdtempSync(join(tmpdir(), 'codexway-bench-'))
  const tokens = { access_token: 'bench', account_id: 'bench' }
  writeFileSync(join(home, 'auth.json'), JSON.stringify({ tokens, last_refresh: new Date().toISOString() }))
  const env = { PATH: process.env.PATH, HOME: home, CODEX_HOME: home }
  const base = `http://127.0.0.1:${upstreamPort}`
  const args = ['serve', '--port', '0', '--base-url', base, '--log-level', 'warn']
  return startScript([join(root, 'src/cli/main.ts'), ...args], env)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
