import { toConfigJsonSchema } from '../config/json-schema.ts'
import type { Flags } from '../config/load.ts'
import { isObject, type JsonObject } from '../lib/json.ts'
import { loadOrReport } from './load-or-report.ts'

export interface ConfigFlags extends Flags {
  readonly json?: boolean
}

/** `codexway config`: every value with its source, secrets masked. */
export function runConfig(flags: ConfigFlags): number {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const config = masked(loaded.config)
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ config, sources: Object.fromEntries(loaded.sources) }, undefined, 2)}\n`)
    return 0
  }
  for (const [path, value] of leaves(config)) {
    process.stdout.write(`${path}: ${JSON.stringify(value)}   # ${loaded.sources.get(path) ?? 'default'}\n`)
  }
  return 0
}

/** `codexway config schema` */
export function runSchema(): number {
  process.stdout.write(`${JSON.stringify(toConfigJsonSchema(), undefined, 2)}\n`)
  return 0
}

function masked(config: { server: { api_keys: string[] } } & JsonObject): JsonObject {
  return { ...config, server: { ...config.server, api_keys: config.server.api_keys.map(() => '***') } }
}

function leaves(value: JsonObject, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
    isObject(inner) && Object.keys(inner).length > 0 ? leaves(inner, `${prefix}${key}.`) : [[prefix + key, inner]],
  )
}
