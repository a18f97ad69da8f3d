import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import {
  type LoginOptions,
  loginByImport,
  loginWithBrowser,
  loginWithDevice,
  loginWithPaste,
  loginWithPersonalToken,
} from '../accounts/login/login.ts'
import type { Flags } from '../config/load.ts'
import { processEnvironment } from '../config/paths.ts'
import { createSignIn } from '../server/sign-in.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadOrReport } from './load-or-report.ts'
import { createBrowserOpener } from './open-browser.ts'

export interface LoginFlags extends Flags {
  readonly paste?: boolean
  readonly device?: boolean
  readonly import?: string
  readonly withAccessToken?: boolean
  /** Its name; undefined = the one the gateway would use. */
  readonly account?: string
  /** False: the address is only printed. */
  readonly browser?: boolean
}

const LOGIN_TIMEOUT_MS = 15 * 60_000

/** `codexway login`: writes the auth.json the gateway will use (connector.md §3.6). An old one stays until then. */
export async function runLogin(flags: LoginFlags): Promise<number> {
  const ways = [flags.paste, flags.device, flags.import, flags.withAccessToken].filter((way) => way !== undefined)
  if (ways.length > 1) {
    process.stderr.write('codexway: --paste, --device, --import and --with-access-token exclude each other\n')
    return 2
  }
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const signIn = await createSignIn(
    loaded,
    (_fields, message) => process.stderr.write(`codexway: ${message}\n`),
    flags.account,
  )
  try {
    await login({ ...signIn, say: (line) => process.stdout.write(`${line}\n`) }, flags)
    process.stdout.write(`Signed in: ${signIn.path}\n`)
    return 0
  } catch (error) {
    const reason = error instanceof GatewayError ? `Sign-in failed: ${error.message}` : toReason(error)
    process.stderr.write(`codexway: ${reason}\n`)
    return 1
  }
}

async function login(options: LoginOptions, flags: LoginFlags): Promise<void> {
  const signal = AbortSignal.timeout(LOGIN_TIMEOUT_MS)
  if (flags.import !== undefined) return await loginByImport(options, toImportPath(flags.import))
  if (flags.withAccessToken === true) return await loginWithPersonalToken(options, await readAll())
  if (flags.device === true) return await loginWithDevice(options, signal)
  if (flags.paste === true) return await pasteLogin(options)
  const openBrowser = flags.browser === false ? () => {} : createBrowserOpener(processEnvironment(), process.platform)
  return await loginWithBrowser(options, openBrowser, signal)
}

/** The file, or the directory that holds it. */
function toImportPath(path: string): string {
  return path.toLowerCase().endsWith('.json') ? resolve(path) : join(resolve(path), 'auth.json')
}

async function pasteLogin(options: LoginOptions): Promise<void> {
  const lines = createInterface({ input: process.stdin })
  const iterator = lines[Symbol.asyncIterator]()
  try {
    await loginWithPaste(options, async () => {
      const { done, value } = await iterator.next()
      return done === true ? undefined : value
    })
  } finally {
    lines.close()
  }
}

/** The token comes on stdin, where no process list and no shell history shows it. */
async function readAll(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin) text += String(chunk)
  return text.trim()
}

function toReason(error: unknown): string {
  if (error instanceof DOMException) return 'Sign-in failed: nobody signed in within 15 minutes.'
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return `Sign-in failed: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
