import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { isObject, type JsonObject } from '../lib/json.ts'
import { type Environment, type Paths, variable } from './paths.ts'

export interface ConfigFile {
  readonly path: string | undefined
  readonly tree: JsonObject
  /** Of the file as such; its values have not been looked at. */
  readonly problems: readonly string[]
}

export interface FileSearch {
  /** `--config` */
  readonly named: string | undefined
  readonly env: Environment
  readonly cwd: string
  readonly paths: Paths
}

/** The first of `--config`, `CODEXWAY_CONFIG`, `./config.yaml`, the per-user file; none is fine (connector.md §2.2). */
export function readConfigFile({ named, env, cwd, paths }: FileSearch): ConfigFile {
  const fromEnvironment = variable(env, 'CODEXWAY_CONFIG')
  const wanted = named ?? fromEnvironment
  if (wanted === undefined) {
    const path = [join(cwd, 'config.yaml'), paths.configFile].find(isFile)
    return path === undefined ? { path, tree: {}, problems: [] } : readYaml(path)
  }
  const path = resolve(cwd, wanted)
  if (isFile(path)) return readYaml(path)
  const who = named === undefined ? 'CODEXWAY_CONFIG' : '--config'
  return { path: undefined, tree: {}, problems: [`${who}: there is no file ${path}`] }
}

function readYaml(path: string): ConfigFile {
  const failed = (problems: string[]): ConfigFile => ({ path, tree: {}, problems })
  const lines = new LineCounter()
  try {
    const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, merge: true, prettyErrors: false })
    if (document.errors.length > 0) {
      return failed(
        document.errors.map(({ pos, message }) => {
          const { line, col } = lines.linePos(pos[0])
          return `${path}:${line}:${col}: ${withoutContent(message)}`
        }),
      )
    }
    const tree: unknown = document.toJS() ?? {}
    return isObject(tree) ? { path, tree, problems: [] } : failed([`${path}: expected a map of keys at the top`])
  } catch (error) {
    return failed([`${path}: ${error instanceof Error ? withoutContent(error.message) : 'cannot be read'}`])
  }
}

/** One line, and nothing of what the file says: it may hold keys. */
function withoutContent(message: string): string {
  return (message.split('\n', 1)[0] ?? '').replace(/:? "[^"]*"?.*$/, '')
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
