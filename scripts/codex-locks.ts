import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FlockTimeoutError, lockFile } from '../src/lib/flock.ts'
import type { Simulator } from '../src/simulator/server.ts'
import { CODEX, run, toCodexConfig } from './run-client.ts'

const RUN_TIMEOUT_MS = 60_000

/**
 * A real Codex CLI that refreshes its sign-in waits for our lock, and we wait for its own. It takes `auth.lock`, then
 * tries `auth.json.lock` again and again; while we keep the second it holds the first.
 * @throws Error naming what did not hold
 */
export async function checkLocks(simulator: Simulator, home: string): Promise<void> {
  const codexHome = join(home, 'codex')
  const work = join(home, 'work')
  for (const directory of [codexHome, work]) mkdirSync(directory)
  const path = simulator.writeAuthFile(codexHome, { expiresInS: 60 })
  writeFileSync(join(codexHome, 'config.toml'), toCodexConfig(simulator.baseUrl, 'gpt-5.5', { isSignedIn: true }))
  const before = readFileSync(path, 'utf8')
  const isUnchanged = () => readFileSync(path, 'utf8') === before

  const first = await lockFile(join(codexHome, 'auth.lock'), { mode: 0o644, timeoutMs: 1000 })
  const second = await lockFile(join(codexHome, 'auth.json.lock'), { mode: 0o600, timeoutMs: 1000 })
  const cli = run(CODEX, ['exec', '--skip-git-repo-check', '--json', 'Hello.'], {
    cwd: work,
    timeoutMs: RUN_TIMEOUT_MS,
    env: {
      HOME: home,
      CODEX_HOME: codexHome,
      PATH: process.env.PATH ?? '',
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    },
  })
  while (simulator.countCalls('token') === 0) await delay(20)
  await delay(1000)
  if (!isUnchanged()) throw new Error('the CLI wrote the sign-in while we held its lock')

  await first.release()
  await delay(300)
  const third = await lockFile(join(codexHome, 'auth.lock'), { mode: 0o644, timeoutMs: 500 }).catch(
    (error: unknown) => error,
  )
  if (!(third instanceof FlockTimeoutError)) throw new Error('we got the lock that the CLI holds')
  if (!isUnchanged()) throw new Error('the CLI wrote the sign-in while we held its second lock')

  await second.release()
  const { code, output } = await cli
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-3000)}`)
  if (isUnchanged()) throw new Error('the CLI did not write the sign-in once the locks were free')
}
