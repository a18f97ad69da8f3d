import { parseDocument } from 'yaml'
import { toNumber } from './environment-settings.ts'
import { parseKeyText } from './key-path.ts'
import type { Assignment, Origin } from './settings-tree.ts'

/** What the command line may say; `set` holds `key.path=YAML`. */
export interface Flags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly baseUrl?: string
  readonly codexPath?: string
  readonly defaultBackend?: string
  readonly logLevel?: string
  readonly set?: readonly string[]
}

/** The flags but `--set`, which comes after them. */
export function toFlagSettings(flags: Flags, instances: readonly string[]): Assignment[] {
  const assignments: Assignment[] = []
  const set = (name: string, path: readonly string[], value: unknown): void => {
    if (value !== undefined) assignments.push({ path, value, origin: { kind: 'command line', name } })
  }
  const setForAll = (name: string, key: string, value: unknown): void => {
    if (value === undefined) return
    const origin: Origin = { kind: 'command line', name, isForAllInstances: true }
    for (const instance of instances) assignments.push({ path: ['backends', instance, key], value, origin })
  }
  set('--host', ['server', 'host'], flags.host)
  set('--port', ['server', 'port'], toNumber(flags.port))
  set('--log-level', ['log_level'], flags.logLevel)
  set('--default-backend', ['default_backend'], flags.defaultBackend)
  setForAll('--base-url', 'base_url', flags.baseUrl)
  setForAll('--codex-path', 'codex_path', flags.codexPath)
  return assignments
}

/** Reads `--set key.path=YAML`. Values are not shown in problems: they may be keys. */
export function parseSetFlags(texts: readonly string[], problems: string[]): Assignment[] {
  return texts.flatMap((text) => {
    const at = text.indexOf('=')
    const keys = at === -1 ? (text.split(/[\s:]/, 1)[0] ?? '') : text.slice(0, at)
    const path = at === -1 ? undefined : parseKeyText(keys)
    if (path === undefined) {
      problems.push(`--set ${keys}: expected key.path=value, e.g. --set server.port=8080`)
      return []
    }
    const document = parseDocument(text.slice(at + 1))
    if (document.errors.length > 0) {
      problems.push(`--set ${keys}: the value is not valid YAML`)
      return []
    }
    return [{ path, value: document.toJS() as unknown, origin: { kind: 'command line', name: '--set' } }]
  })
}
