import { readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { DEFAULT_BASE_URL } from './backend-schema.ts'
import type { BackendConfig, Config } from './schema.ts'
import type { SettingsTree } from './settings-tree.ts'

/** A configured backend, its addresses and paths made exact. */
export interface Instance extends BackendConfig {
  readonly name: string
  /** Without a slash at the end; the catalogue is at `<baseUrl>/models`. */
  readonly baseUrl: string
  readonly responsesUrl: string
  /** True for chatgpt.com as the Codex CLI uses it. */
  readonly isDefaultBase: boolean
}

export interface InstanceContext {
  readonly tree: SettingsTree
  /** Directory of the configuration file, if there is one. */
  readonly fileDirectory: string | undefined
  readonly cwd: string
  readonly home: string
  readonly problems: string[]
}

/** Paths set in the file are relative to it, all others to the working directory. */
export function toInstances(config: Config, context: InstanceContext): Instance[] {
  return Object.entries(config.backends).map(([name, settings]) => {
    const { codex_path: codexPath, ...rest } = settings
    const urls = toUrls(settings.base_url)
    const path = codexPath === undefined ? undefined : resolvePath(['backends', name, 'codex_path'], codexPath, context)
    const codex = withTemplate(name, settings, context)
    return { ...rest, ...(path === undefined ? {} : { codex_path: path }), extra: { codex }, name, ...urls }
  })
}

/** Exactly one slash before `responses`; a value that ends so is taken as it is (connector.md §2.2). */
export function toUrls(base: string): Pick<Instance, 'baseUrl' | 'responsesUrl' | 'isDefaultBase'> {
  const baseUrl = base.replace(/\/+$/, '').replace(/\/+responses$/, '')
  return { baseUrl, responsesUrl: `${baseUrl}/responses`, isDefaultBase: baseUrl === DEFAULT_BASE_URL }
}

function withTemplate(
  name: string,
  { extra: { codex } }: BackendConfig,
  context: InstanceContext,
): BackendConfig['extra']['codex'] {
  const { template } = codex.prompt
  if (template === null || !template.startsWith('file:')) return codex
  const key = ['backends', name, 'extra', 'codex', 'prompt', 'template']
  const path = resolvePath(key, template.slice('file:'.length), context)
  try {
    return { ...codex, prompt: { ...codex.prompt, template: readFileSync(path, 'utf8') } }
  } catch {
    context.problems.push(`${key.join('.')}: cannot read the file ${path}`)
    return codex
  }
}

function resolvePath(
  key: readonly string[],
  path: string,
  { tree, fileDirectory, cwd, home }: InstanceContext,
): string {
  if (/^~(?:$|[/\\])/.test(path)) return join(home, path.slice(1))
  if (isAbsolute(path)) return path
  const isFromFile = tree.originOf(key)?.kind === 'file'
  return resolve(isFromFile ? (fileDirectory ?? cwd) : cwd, path)
}
