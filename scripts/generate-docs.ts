/** Writes docs/configuration.md and config.schema.json from the schema; `--check` fails if they differ from it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toConfigJsonSchema } from '../src/config/json-schema.ts'
import { CAPABILITY_VALUES, DEFAULT_CAPABILITIES } from '../src/turn/capabilities.ts'

interface Node {
  readonly description?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly properties?: Record<string, Node>
  readonly additionalProperties?: Node | boolean
  readonly anyOf?: readonly Node[]
}

const root = join(import.meta.dirname, '..')
const schema = toConfigJsonSchema() as Node
const files: Record<string, string> = {
  'config.schema.json': `${JSON.stringify(schema, undefined, 2)}\n`,
  'docs/configuration.md': toMarkdown(),
}
const isCheck = process.argv.includes('--check')
for (const [file, text] of Object.entries(files)) {
  const path = join(root, file)
  if (!isCheck) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${file} is not what the schema says; run "npm run docs"`)
    process.exitCode = 1
  }
}

function toMarkdown(): string {
  return [
    '# Configuration',
    'Generated from `src/config/schema.ts` by `npm run docs`. Precedence: command line, environment, YAML, default.',
    'File: `--config PATH`, else `CODEXWAY_CONFIG`, else `./config.yaml`, else `~/.config/codexway/config.yaml` (`%APPDATA%\\codexway\\config.yaml`). Without a file everything works from defaults. `codexway config` prints the effective values with their sources.',
    ['| key | values | default | meaning |', '|---|---|---|---|', ...rows(schema, '')].join('\n'),
    '## Capabilities',
    'Keys of `default_capabilities`, `agent_capabilities.NAME`, and of `codex_capabilities` in a request body.',
    ['| key | values | default |', '|---|---|---|', ...capabilityRows()].join('\n'),
    '## Environment',
    '`OPENAI_CODEX_PATH`, `CODEX_HOME` (where `auth.json` lies), `OPENAI_API_BASE_URL` (backend of every instance), `CODEX_REFRESH_TOKEN_URL_OVERRIDE` (token endpoint), `OPENAI_CODEX_DEFAULT_CAPABILITIES`, `OPENAI_CODEX_AGENT_CAPABILITIES` (JSON), `CODEXWAY_CONFIG`, `CODEXWAY_HOST`, `CODEXWAY_PORT`, `CODEXWAY_API_KEYS` (comma list), `CODEXWAY_LOG_LEVEL`, `HTTPS_PROXY`, `NO_PROXY`. An empty variable counts as not set.',
    '## Exit codes',
    '0 done, 1 failed, 2 wrong usage or configuration, 130 stopped by a second signal.\n',
  ].join('\n\n')
}

function rows(node: Node, path: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = path === '' ? key : `${path}.${key}`
    if (key.endsWith('_capabilities')) return [row(name, child)]
    if (child.properties !== undefined) return rows(child, name)
    const inner = typeof child.additionalProperties === 'object' ? child.additionalProperties : undefined
    return inner?.properties === undefined ? [row(name, child)] : rows(inner, `${name}.NAME`)
  })
}

function row(name: string, node: Node): string {
  const values =
    node.enum?.join(', ') ?? node.type ?? node.anyOf?.map((option) => option.type ?? 'const').join(' or ') ?? ''
  const fallback = node.default === undefined ? '–' : `\`${JSON.stringify(node.default)}\``
  return `| \`${name}\` | ${values} | ${fallback} | ${node.description ?? ''} |`
}

function capabilityRows(): string[] {
  const defaults: Record<string, unknown> = DEFAULT_CAPABILITIES
  return Object.entries(CAPABILITY_VALUES).map(([key, values]) => {
    const allowed = values === 'boolean' ? 'true, false' : values.join(', ')
    return `| \`${key}\` | ${allowed} | ${defaults[key] ?? 'true on `/v1/responses`, false on chat'} |`
  })
}
