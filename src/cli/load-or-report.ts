import { type Flags, type LoadedConfig, loadConfig } from '../config/load.ts'
import { type Environment, processEnvironment } from '../config/paths.ts'
import { findAliasProblems } from '../models/aliases.ts'

/** The configuration, or undefined after its problems have been printed, one line each (connector.md §2.3). */
export function loadOrReport(flags: Flags, env: Environment = processEnvironment()): LoadedConfig | undefined {
  const result = loadConfig(flags, env, process.cwd(), findAliasProblems)
  if (result.ok) return result.loaded
  for (const problem of result.problems) process.stderr.write(`codexway: ${problem}\n`)
  return undefined
}
