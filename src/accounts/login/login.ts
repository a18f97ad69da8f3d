import { setTimeout as delay } from 'node:timers/promises'
import {
  type OAuthIdentity,
  type OAuthRequest,
  type OAuthResponse,
  type OAuthSend,
  parseWhoamiResponse,
  toWhoamiRequest,
} from '../oauth.ts'
import { sendWithin } from '../send-within.ts'
import { parsePasted } from './callback.ts'
import { openCallbackServer } from './callback-server.ts'
import { createLoginSecrets } from './pkce.ts'
import {
  type CodeExchange,
  parseApiKeyResponse,
  parseCodeResponse,
  parseDevicePollResponse,
  parseUserCodeResponse,
  toApiKeyRequest,
  toAuthorizeUrl,
  toCodeRequest,
  toDevicePollRequest,
  toUserCodeRequest,
} from './requests.ts'
import { readImport, type SignInPlace, toPersonalTokenFile, toSignInFile, writeSignIn } from './sign-in-file.ts'

export interface LoginOptions extends OAuthIdentity, SignInPlace {
  readonly issuer: string
  readonly send: OAuthSend
  readonly now: () => number
  /** A line for the person; addresses and codes, never a token. */
  readonly say: (line: string) => void
}

const REQUEST_TIMEOUT_MS = 30_000
/** The issuer's own limit for a device code (upstream.md §8). */
const DEVICE_CODE_TTL_MS = 15 * 60_000
/** What is sent for a paste: nobody listens there, the address bar is all that is wanted. */
const PASTE_REDIRECT = 'http://127.0.0.1:1455/auth/callback'

/**
 * Sends the person's browser to the issuer and waits for it to come back.
 * @param openBrowser tries; the address is printed in any case
 * @throws Error for people
 */
export async function loginWithBrowser(
  options: LoginOptions,
  openBrowser: (url: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { issuer, originator, say } = options
  const secrets = createLoginSecrets()
  const server = await openCallbackServer()
  try {
    const { redirectUri, port } = server
    const url = toAuthorizeUrl({ issuer, redirectUri, secrets, originator })
    say(`Open this address to sign in with ChatGPT (waiting on port ${port}):\n\n${url}\n`)
    say('On another machine than your browser? Use `codexway login --device`, or `codexway login --paste`.')
    openBrowser(url)
    const finish = (code: string) =>
      finishLogin(options, { issuer, code, redirectUri, verifier: secrets.verifier }, true)
    await server.run(secrets.state, finish, signal)
  } finally {
    await server.close()
  }
}

/** No port: the person copies the address their browser ends at. @param ask one line from the person; undefined = no more */
export async function loginWithPaste(options: LoginOptions, ask: () => Promise<string | undefined>): Promise<void> {
  const { issuer, originator, say } = options
  const secrets = createLoginSecrets()
  const url = toAuthorizeUrl({ issuer, redirectUri: PASTE_REDIRECT, secrets, originator })
  say(`Open this address to sign in with ChatGPT:\n\n${url}\n`)
  say('The browser will end at an address that begins with http://127.0.0.1:1455/ and cannot be shown. Paste it here:')
  for (;;) {
    const line = await ask()
    if (line === undefined) throw new Error('Sign-in failed: the input ended before an address came.')
    const callback = parsePasted(line, secrets.state)
    if (callback.kind === 'refused') throw new Error(`Sign-in failed: ${callback.reason}`)
    if (callback.kind === 'wrong') {
      say(`${callback.reason} Paste the whole address:`)
      continue
    }
    const { code } = callback
    await finishLogin(options, { issuer, code, redirectUri: PASTE_REDIRECT, verifier: secrets.verifier }, true)
    return
  }
}

/** The person types a short code on any device (upstream.md §8). */
export async function loginWithDevice(options: LoginOptions, signal: AbortSignal): Promise<void> {
  const { issuer, say, now } = options
  const asked = parseUserCodeResponse(await ask(options, toUserCodeRequest(issuer)))
  if ('refused' in asked) throw new Error(`Sign-in failed: ${issuer} gave no device code (${asked.refused}).`)
  const { device } = asked
  say(
    `Open ${issuer}/codex/device on any device and enter this code, which is good for 15 minutes:\n\n    ${device.userCode}\n`,
  )
  say('Enter it only if you started this login yourself.')
  const endsAtMs = now() + DEVICE_CODE_TTL_MS
  while (now() < endsAtMs) {
    await delay(device.intervalMs, undefined, { signal })
    const polled = parseDevicePollResponse(await ask(options, toDevicePollRequest(issuer, device)))
    if ('refused' in polled) throw new Error(`Sign-in failed: ${issuer} refused the device (${polled.refused}).`)
    if ('pending' in polled) continue
    // The CLI asks for no API key here.
    await finishLogin(options, { issuer, ...polled.granted, redirectUri: `${issuer}/deviceauth/callback` }, false)
    return
  }
  throw new Error('Sign-in failed: the code was not entered within 15 minutes.')
}

/** A personal access token, which must be good now. @param token `at-…` */
export async function loginWithPersonalToken(options: LoginOptions, token: string): Promise<void> {
  const { issuer, originator, userAgent } = options
  if (!/^at-[\w-]+$/.test(token))
    throw new Error('Sign-in failed: this is no personal access token (they begin with at-).')
  const known = parseWhoamiResponse(await ask(options, toWhoamiRequest(issuer, token, { originator, userAgent })))
  if (known.kind === 'refused') throw new Error(`Sign-in failed: ${issuer} refused the token (${known.code}).`)
  if (known.kind === 'failed') throw new Error(`Sign-in failed: ${issuer} could not check the token (${known.reason}).`)
  await writeSignIn(options, toPersonalTokenFile(token))
}

/** Takes over somebody else's auth.json. */
export async function loginByImport(options: LoginOptions, path: string): Promise<void> {
  const { json, login } = await readImport(path, options.now())
  await writeSignIn(options, json)
  if (login.kind === 'chatgpt' && login.refreshToken !== undefined) {
    options.say(
      `${path} and ${options.path} now hold the same refresh token, which works once: use one of them only, or let codexway use that file itself (codex_path).`,
    )
  }
}

async function finishLogin(options: LoginOptions, exchange: CodeExchange, wantsApiKey: boolean): Promise<void> {
  const { issuer } = exchange
  const outcome = parseCodeResponse(await ask(options, toCodeRequest(exchange)))
  if ('refused' in outcome) throw new Error(`Sign-in failed: ${issuer} did not take the code (${outcome.refused}).`)
  const { tokens } = outcome
  const apiKey = wantsApiKey ? await askApiKey(options, tokens.idToken) : undefined
  const json = toSignInFile({ tokens, apiKey, issuer, nowMs: options.now() })
  await writeSignIn(options, json)
}

/** The sign-in is whole without it. */
async function askApiKey(options: LoginOptions, idToken: string): Promise<string | undefined> {
  try {
    return parseApiKeyResponse(await ask(options, toApiKeyRequest(options.issuer, idToken)))
  } catch {
    return undefined
  }
}

/** @throws Error naming the host */
async function ask({ send }: LoginOptions, request: OAuthRequest): Promise<OAuthResponse> {
  try {
    return await sendWithin(send, request, REQUEST_TIMEOUT_MS)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no answer'
    throw new Error(`Sign-in failed: no answer from ${new URL(request.url).host} (${reason}).`, { cause: error })
  }
}
