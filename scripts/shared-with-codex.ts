import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expectSignedIn, hammer, onStage, repeats } from '../test/support/sign-in-proof.ts'
import { startCodexTurns } from './codex-app-server.ts'
import { toCodexConfig } from './run-client.ts'

/** The CLI renews a token that has less than this to live every time it looks at it, many times a second. */
const DUE_BEFORE_S = 300

export interface SharedResult {
  readonly refreshes: number
  /** Refresh tokens that reached the issuer twice, at least once from the Codex CLI. */
  readonly metAtTheIssuer: number
}

/**
 * Two gateways and a real Codex CLI share one auth.json. Tokens come due some seconds after they were issued, and every
 * now and then the backend refuses all of them, so that all three renew for both reasons. Every request of all three
 * must succeed and nobody may end signed out. The gateways must not repeat a token of each other's; the CLI takes no
 * lock while it asks the issuer, so a token of its own may meet one of ours there, and this is counted.
 */
export async function sharedWithCodex(requests: number, paceMs: number): Promise<SharedResult> {
  return await onStage(DUE_BEFORE_S + 8, async ({ simulator, codexHome, path, start }) => {
    writeFileSync(join(codexHome, 'config.toml'), toCodexConfig(simulator.baseUrl, 'gpt-5.5', { isSignedIn: true }))
    const home = join(codexHome, '..', 'codex-user')
    mkdirSync(home)
    const codex = await startCodexTurns({
      cwd: home,
      model: 'gpt-5.5',
      env: {
        HOME: home,
        CODEX_HOME: codexHome,
        PATH: process.env.PATH ?? '',
        CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
      },
    })
    const gateways = await Promise.all([start(), start()])
    let isOver = false
    const refusals = (async () => {
      while (!isOver) {
        await delay(5000)
        simulator.issuer.revokeAccessTokens()
      }
    })()
    try {
      await Promise.all([
        ...gateways.map((gateway) => hammer(gateway, requests, paceMs)),
        (async () => {
          for (let index = 0; index < requests; index++) {
            const status = await codex.turn(`turn ${index}`)
            if (status !== 'completed') throw new Error(`the Codex CLI's turn ${index}: ${status}`)
            await delay(paceMs)
          }
        })(),
      ])
    } finally {
      isOver = true
      codex.close()
      await refusals
    }
    const twice = repeats(simulator)
    const ours = twice.filter((senders) => senders.every((sender) => sender.startsWith('codex_exec/')))
    if (ours.length > 0) throw new Error(`the gateways sent ${ours.length} refresh tokens twice`)
    expectSignedIn(simulator, path)
    return { refreshes: simulator.countCalls('token'), metAtTheIssuer: twice.length }
  })
}
