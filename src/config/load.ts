import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { isObject, type JsonObject, objectAt } from '../lib/json.ts'
import { findCrossProblems, findHostWarnings } from './cross-checks.ts'
import { readEnvironmentSettings } from './environment-settings.ts'
import { type Flags, parseSetFlags, toFlagSettings } from './flag-settings.ts'
import { toSpelledPath } from './instance-names.ts'
import { type Instance, toInstances } from './instances.ts'
import { type Environment, type Paths, toPaths, variable } from './paths.ts'
import { toProblems } from './problems.ts'
import { type Config, configSchema } from './schema.ts'
import { type Assignment, type Origin, SettingsTree } from './settings-tree.ts'
import { readConfigFile } from './yaml-file.ts'

export type { Flags, Instance }

export interface LoadedConfig {
  /** As written, defaults filled in. */
  readonly config: Config
  readonly instances: readonly Instance[]
  /** The configuration file; undefined = there is none. */
  readonly file: string | undefined
  /** Where the value at a key path comes from, in words; `default` if nobody set it. */
  sourceOf(path: readonly string[]): string
  readonly warnings: readonly string[]
  readonly paths: Paths
  readonly home: string
  /** For what other parts read themselves. `OPENAI_CODEX_PATH` is not in it: it has become each `codex_path`. */
  readonly env: Environment
}

export type LoadResult =
  | { readonly ok: true; readonly loaded: LoadedConfig }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Checks `model_aliases` by the grammar of model names, which is no business of this folder. */
export type CheckAliases = (
  aliases: Readonly<Record<string, string>>,
  instances: readonly string[],
) => readonly string[]

const DEFAULT_INSTANCE = 'openai_codex'

/** Command line over environment over YAML over defaults (connector.md §2.2). All faults are reported at once. */
export function loadConfig(
  flags: Flags,
  env: Environment = process.env,
  cwd = process.cwd(),
  checkAliases: CheckAliases = () => [],
): LoadResult {
  const home = variable(env, 'HOME') ?? variable(env, 'USERPROFILE') ?? homedir()
  const paths = toPaths(env, home, process.platform)
  const file = readConfigFile({ named: flags.config, env, cwd, paths })
  const problems = [...file.problems]
  const tree = new SettingsTree(file.tree, { kind: 'file', name: file.path ?? '' })
  for (const assignment of readAssignments(flags, env, tree, problems)) {
    tree.assign({ ...assignment, path: toSpelledPath(assignment.path, tree.root) })
  }
  // Without the file's values the others cannot be judged.
  if (file.problems.length > 0) return { ok: false, problems: unique(problems) }

  const parsed = configSchema.safeParse(tree.root)
  if (!parsed.success) problems.push(...toProblems(parsed.error, tree))
  problems.push(...findCrossProblems(tree, env), ...checkAliases(aliasesIn(tree.root), instancesIn(tree.root)))
  if (!parsed.success) return { ok: false, problems: unique(problems) }

  const config = parsed.data
  const fileDirectory = file.path === undefined ? undefined : dirname(file.path)
  const instances = toInstances(config, { tree, fileDirectory, cwd, home, problems })
  if (problems.length > 0) return { ok: false, problems: unique(problems) }
  const { OPENAI_CODEX_PATH: _isInCodexPath, ...otherVariables } = env
  return {
    ok: true,
    loaded: {
      config,
      instances,
      file: file.path,
      sourceOf: (path) => toSourceWords((tree.at(path) ?? null) === null ? undefined : tree.originOf(path)),
      warnings: findHostWarnings(tree, config.backends),
      paths,
      home,
      env: otherVariables,
    },
  }
}

/** Later ones win. Instances that only `--set` names get what is said for all of them, too. */
function readAssignments(flags: Flags, env: Environment, tree: SettingsTree, problems: string[]): Assignment[] {
  const sets = parseSetFlags(flags.set ?? [], problems)
  const probe = new SettingsTree(structuredClone(tree.root), { kind: 'file', name: '' })
  for (const set of sets) probe.assign({ ...set, path: toSpelledPath(set.path, probe.root) })
  const isUnset = (value: unknown) => value === undefined || value === null
  const backends = probe.root.backends
  const isNone = isUnset(backends) || (isObject(backends) && Object.keys(backends).length === 0)
  const names = isNone ? [DEFAULT_INSTANCE] : instancesIn(probe.root)
  const origin: Origin = { kind: 'file', name: '' }
  return [
    ...(isNone ? [{ path: ['backends', DEFAULT_INSTANCE], value: {}, origin }] : []),
    ...readEnvironmentSettings(env, names, problems),
    ...toFlagSettings(flags, names),
    ...sets,
  ]
}

function instancesIn(root: JsonObject): string[] {
  return Object.keys(objectAt(root, 'backends') ?? {})
}

/** Those that are selectors at all; the schema reports the others. */
function aliasesIn(root: JsonObject): Record<string, string> {
  const entries = Object.entries(objectAt(root, 'model_aliases') ?? {})
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function toSourceWords(origin: Origin | undefined): string {
  switch (origin?.kind) {
    case 'file':
      return origin.name === '' ? 'default' : `YAML file ${origin.name}`
    case 'environment':
      return `environment ${origin.name}`
    case 'command line':
      return 'command line'
    case undefined:
      return 'default'
  }
}

function unique(lines: readonly string[]): string[] {
  return [...new Set(lines)]
}
