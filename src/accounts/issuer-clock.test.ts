import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { useSimulator } from '../../test/support/simulator.ts'
import type { AuthFileOptions } from '../simulator/issuer.ts'
import { createCredentialPool } from './credential-pool.ts'
import { createCredentialSource } from './credential-source.ts'
import { IssuerClock } from './issuer-clock.ts'
import type { OAuthSend } from './oauth.ts'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal

test('a clock that is wrong by more than a minute is seen through', () => {
  const clock = new IssuerClock(() => 10 * HOUR_MS)
  expect(clock.now()).toBe(10 * HOUR_MS)
  clock.learn(9 * HOUR_MS)
  expect(clock.now()).toBe(9 * HOUR_MS)
  clock.learn(undefined)
  expect(clock.now()).toBe(9 * HOUR_MS)
  clock.learn(10 * HOUR_MS - 30_000)
  expect(clock.now()).toBe(10 * HOUR_MS)
})

/** A sign-in as a machine sees it whose clock is off, tokens living half an hour. */
async function open(aheadMs: number, options: AuthFileOptions) {
  const simulator = await useSimulator({ tokenLifetimeS: 1800 })
  const home = mkdtempSync(join(tmpdir(), 'issuer-clock-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  simulator.writeAuthFile(home, options)
  const now = () => Date.now() + aheadMs
  const source = createCredentialSource({
    search: { codexPath: home, platform: 'linux' },
    tokenRefresh: 'auto',
    allowApiKey: false,
    oauthIssuer: simulator.url,
    userAgent: 'test/1',
    originator: 'test',
    send,
    warn: () => {},
    now,
    pool: createCredentialPool({ warn: () => {}, now }),
  })
  return { simulator, source }
}

test('an hour ahead: one refresh, and the fresh token is used as long as it is good', async () => {
  const { simulator, source } = await open(HOUR_MS, { expiresInS: 1700 })
  const tokens = new Set<string>()
  for (let index = 0; index < 3; index++) tokens.add((await source.current(signal)).token)
  expect([tokens.size, simulator.countCalls('token')]).toEqual([1, 1])
})

test('an hour behind: after the first refusal expired tokens are known as such', async () => {
  const { simulator, source } = await open(-HOUR_MS, { expiresInS: -10 })
  const first = await source.current(signal)
  const second = await source.renew(first, signal)
  expect([second.token === first.token, simulator.countCalls('token')]).toEqual([false, 1])
  expect((await source.current(signal)).token).toBe(second.token)
})

const send: OAuthSend = ({ method, url, headers, body }, abort) =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, signal: abort }, async (response) => {
      let bodyText = ''
      for await (const chunk of response) bodyText += String(chunk)
      resolve({ status: response.statusCode ?? 0, headers: {}, bodyText })
    })
    request.once('error', reject)
    request.end(body)
  })
