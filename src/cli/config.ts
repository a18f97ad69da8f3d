import { toConfigJsonSchema } from '../config/json-schema.ts'
import { toKeyText } from '../config/key-path.ts'
import type { Flags, LoadedConfig } from '../config/load.ts'
import type { BackendConfig, Config } from '../config/schema.ts'
import { isObject, type JsonObject, withoutUndefined } from '../lib/json.ts'
import { maskSecrets } from '../lib/redact.ts'
import { DEFAULT_CAPABILITIES } from '../turn/capabilities.ts'
import { loadOrReport } from './load-or-report.ts'

export interface ConfigFlags extends Flags {
  readonly json?: boolean
}

/** `codexway config`: every value with its source, secrets masked. */
export function runConfig(flags: ConfigFlags): number {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const config = toEffective(loaded.config)
  const text = flags.json === true ? toJson(config, loaded) : toLines(config, loaded)
  process.stdout.write(maskSecrets(text))
  for (const warning of loaded.warnings) process.stderr.write(`codexway: warning: ${warning}\n`)
  return 0
}

/** `codexway config schema` */
export function runSchema(): number {
  process.stdout.write(`${JSON.stringify(toConfigJsonSchema(), undefined, 2)}\n`)
  return 0
}

function toLines(config: JsonObject, loaded: LoadedConfig): string {
  return leaves(config)
    .map(([path, value]) => `${toKeyText(path)}: ${JSON.stringify(value)}   # ${loaded.sourceOf(path)}\n`)
    .join('')
}

function toJson(config: JsonObject, loaded: LoadedConfig): string {
  const sources = leaves(config).map(([path]) => [toKeyText(path), loaded.sourceOf(path)])
  return `${JSON.stringify({ config, sources: Object.fromEntries(sources) }, undefined, 2)}\n`
}

/** With what holds where nothing is said, and without the keys of the gateway. */
function toEffective(config: Config): JsonObject {
  const keys = config.server.api_keys.map(() => '***')
  const names = Object.keys(config.backends)
  const backends = Object.entries(config.backends).map(([name, backend]) => [name, toEffectiveBackend(backend)])
  return {
    default_backend: names.length === 1 ? names[0] : null,
    ...withoutUndefined(config),
    server: { ...config.server, api_keys: keys },
    backends: Object.fromEntries(backends),
  }
}

function toEffectiveBackend(backend: BackendConfig): JsonObject {
  const { codex } = backend.extra
  const capabilities = Object.entries(codex.default_capabilities).filter(([, value]) => value !== undefined)
  const defaults = { codex_passthrough: null, ...DEFAULT_CAPABILITIES, ...Object.fromEntries(capabilities) }
  return {
    type: 'openai-codex',
    codex_path: null,
    account: null,
    oauth_issuer: null,
    ...withoutUndefined(backend),
    extra: { codex: { ...codex, default_capabilities: defaults } },
  }
}

function leaves(value: JsonObject, path: readonly string[] = []): [readonly string[], unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [readonly string[], unknown][] => {
    if (inner === undefined) return []
    const below = [...path, key]
    return isObject(inner) && Object.keys(inner).length > 0 ? leaves(inner, below) : [[below, inner]]
  })
}
