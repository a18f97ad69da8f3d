import { type Flags, type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Environment } from '../config/paths.ts'

/** The configuration, or undefined after its problems have been printed, one line each. */
export function loadOrReport(flags: Flags, env?: Environment): LoadedConfig | undefined {
  const result = loadConfig(flags, env)
  if (result.ok) return result.loaded
  for (const problem of result.problems) process.stderr.write(`codexway: ${problem}\n`)
  return undefined
}
