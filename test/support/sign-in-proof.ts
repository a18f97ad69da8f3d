import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type JsonObject, parseJsonObject } from '../../src/lib/json.ts'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'
import { type GatewayProcess, type GatewayProcessOptions, startGatewayProcess } from './gateway-process.ts'

/**
 * Proof that a sign-in shared by several programs is never lost. Each part throws an Error that says what broke; the
 * counts make the same part short for every test run and long for `npm run test:accounts`.
 */
export interface Stage {
  readonly simulator: Simulator
  /** Directory of the shared auth.json. */
  readonly codexHome: string
  readonly path: string
  start(options?: Partial<GatewayProcessOptions>): Promise<GatewayProcess>
}

/** A simulator whose tokens live that long, somebody signed in, and gateways that are killed at the end. */
export async function onStage<T>(tokenLifetimeS: number, work: (stage: Stage) => Promise<T>): Promise<T> {
  // The real CLI sends its own item ids back, which the simulator would refuse; this is about tokens.
  const simulator = await startSimulator({ tokenLifetimeS, strict: false })
  const root = mkdtempSync(join(tmpdir(), 'codexway-proof-'))
  const codexHome = mkdtempSync(join(root, 'codex-'))
  const gateways: GatewayProcess[] = []
  const path = simulator.writeAuthFile(codexHome)
  try {
    return await work({
      simulator,
      codexHome,
      path,
      async start(options = {}) {
        const gateway = await startGatewayProcess({ simulator, codexHome, home: root, ...options })
        gateways.push(gateway)
        return gateway
      },
    })
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')))
    await simulator.close()
    rmSync(root, { recursive: true, force: true })
  }
}

/** Two gateways on one file, tokens that really expire. @returns how often the issuer was asked */
export async function twoGateways(
  requests: number,
  tokenLifetimeS: number,
  paceMs: number,
): Promise<{ refreshes: number }> {
  return await onStage(tokenLifetimeS, async ({ simulator, path, start }) => {
    const gateways = await Promise.all([start(), start()])
    await Promise.all(gateways.map((gateway) => hammer(gateway, requests, paceMs)))
    expectNoRepeats(simulator)
    expectSignedIn(simulator, path)
    return { refreshes: simulator.countCalls('token') }
  })
}

/** One of two gateways is killed at random moments under load. @returns what happened */
export async function kills(
  count: number,
  tokenLifetimeS: number,
): Promise<{ kills: number; refreshes: number; lost: number }> {
  return await onStage(tokenLifetimeS, async ({ simulator, path, start }) => {
    const survivor = await start()
    let lost = 0
    for (let index = 0; index < count; index++) {
      const victim = await start()
      const load = Promise.all([hammer(survivor, 6, 100), hammer(victim, 1000, 20).catch(() => undefined)])
      await delay(100 + Math.random() * tokenLifetimeS * 1000)
      await victim.kill('SIGKILL')
      const killedAtMs = Date.now()
      const survived = await load.then(
        () => true,
        () => false,
      )
      const next = await start()
      const { status, text } = await next.chat()
      await next.kill('SIGKILL')
      if (status === 200 && survived) continue
      // Nobody can keep what the issuer gave to a process that died with the answer still in its hands.
      if (!diedWithTheAnswer(simulator, killedAtMs)) throw new Error(`kill ${index}: ${status} ${text}`)
      lost += 1
      writeFileSync(path, JSON.stringify(simulator.issuer.authFile()))
      await delay(1100)
    }
    return { kills: count, refreshes: simulator.countCalls('token'), lost }
  })
}

/** What other programs do to a sign-in file; `restores`: the person puts it back later. */
export const FILE_CHANGES: Record<string, { change(path: string): void; readonly restores: boolean }> = {
  'replaced by rename': {
    restores: false,
    change(path) {
      writeFileSync(`${path}.new`, readFileSync(path), { mode: 0o600 })
      renameSync(`${path}.new`, path)
    },
  },
  deleted: { restores: true, change: (path) => unlinkSync(path) },
  truncated: { restores: false, change: (path) => truncateSync(path, 0) },
  'cut in the middle': { restores: false, change: (path) => truncateSync(path, 700) },
}

/** Requests go on through the change and over several expiries, and the next start is signed in. */
export async function fileChange(name: string, tokenLifetimeS: number): Promise<void> {
  const { change, restores } = FILE_CHANGES[name] ?? { change: () => {}, restores: false }
  await onStage(tokenLifetimeS, async ({ simulator, path, start }) => {
    const gateway = await start()
    await hammer(gateway, 5, 20)
    const whole = readFileSync(path)
    change(path)
    // A deleted sign-in is one somebody removed: its token serves until it is refused, and no longer.
    if (restores) {
      await hammer(gateway, 3, 20)
      writeFileSync(path, whole, { mode: 0o600 })
      await delay(1100)
    }
    await hammer(gateway, tokenLifetimeS * 10, 200)
    expectNoRepeats(simulator)
    expectSignedIn(simulator, path)
    await gateway.kill('SIGKILL')
    await hammer(await start(), 3, 20)
  })
}

/** Every request must be answered. */
export async function hammer(gateway: GatewayProcess, requests: number, paceMs: number): Promise<void> {
  const pending: Promise<void>[] = []
  for (let index = 0; index < requests; index++) {
    const sent = gateway.chat(`request ${index}`).then(({ status, text }) => {
      if (status !== 200) throw new Error(`request ${index}: ${status} ${text}`)
    })
    sent.catch(() => undefined)
    pending.push(sent)
    await delay(paceMs)
    if (gateway.child.signalCode !== null) break
  }
  await Promise.all(pending)
}

/** Refresh tokens the issuer has seen more than once, with the programs that sent them. */
export function repeats(simulator: Simulator): string[][] {
  const senders = new Map<string, string[]>()
  for (const { name, body, headers } of simulator.otherCalls) {
    if (name !== 'token') continue
    const token = String(body.refresh_token)
    senders.set(token, [...(senders.get(token) ?? []), String(headers['user-agent'])])
  }
  return [...senders.values()].filter((list) => list.length > 1)
}

export function expectNoRepeats(simulator: Simulator): void {
  const found = repeats(simulator)
  if (found.length > 0) throw new Error(`${found.length} refresh tokens were sent twice: ${JSON.stringify(found)}`)
}

/** The file holds the newest refresh token, and nothing lies beside it. */
export function expectSignedIn(simulator: Simulator, path: string): void {
  const json = parseJsonObject(readFileSync(path, 'utf8'))
  const tokens = json?.tokens as JsonObject | undefined
  if (!simulator.issuer.isValidRefreshToken(String(tokens?.refresh_token))) {
    throw new Error('the file holds a refresh token that is used up')
  }
  const others = readdirSync(join(path, '..')).filter((name) => name.startsWith('.auth.json.'))
  if (others.length > 0) throw new Error(`left beside the sign-in: ${others.join(', ')}`)
}

/** The last refresh before the kill reached the issuer within the time an answer takes to get onto the disk. */
function diedWithTheAnswer(simulator: Simulator, killedAtMs: number): boolean {
  return simulator.otherCalls.some(
    ({ name, receivedAtMs }) => name === 'token' && Math.abs(killedAtMs - receivedAtMs) < 100,
  )
}
