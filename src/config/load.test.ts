import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Flags, type LoadedConfig, loadConfig } from './load.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'codexway-config-'))
})
afterEach(() => rmSync(home, { recursive: true }))

interface Given {
  readonly yaml?: string
  readonly env?: Record<string, string>
  readonly flags?: Flags
}

function load({ yaml, env = {}, flags = {} }: Given) {
  if (yaml !== undefined) writeFileSync(join(home, 'config.yaml'), yaml)
  return loadConfig(flags, { HOME: home, ...env }, home)
}

function loaded(given: Given): LoadedConfig {
  const result = load(given)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.loaded
}

function problems(given: Given): readonly string[] {
  const result = load(given)
  return result.ok ? [] : result.problems
}

function onlyInstance(given: Given) {
  const { instances } = loaded(given)
  expect(instances).toHaveLength(1)
  return instances[0]!
}

const codex = (settings: string) => `backends: {openai_codex: {extra: {codex: {${settings}}}}}`

const PROFILE = `
backends:
  openai_codex:
    timeout: 120
    extra:
      codex:
        default_capabilities:
          protocol: openai-responses
          codex_passthrough: true
          prompt_mode: codex_default
          tool_schema_mode: custom_only
          tool_text_format: none
          bypass_tool_call_reactor: true
          include_environment_context: false
`

describe('what needs no configuration', () => {
  test('C-11: without a file there is one instance with the defaults', () => {
    const { instances, config, warnings, file } = loaded({})
    expect([warnings, file]).toEqual([[], undefined])
    expect(config.server).toEqual({
      host: '127.0.0.1',
      port: 2633,
      api_keys: [],
      allowed_hosts: [],
      cors_origins: [],
      max_body_bytes: 67_108_864,
      websocket: true,
      drain_seconds: 30,
      header_seconds: 20,
      max_concurrent_requests: 4096,
      max_header_bytes: 65_536,
      request_seconds: 300,
    })
    expect(instances).toMatchObject([
      {
        name: 'openai_codex',
        timeout: 120,
        token_refresh: 'auto',
        baseUrl: 'https://chatgpt.com/backend-api/codex',
        responsesUrl: 'https://chatgpt.com/backend-api/codex/responses',
        isDefaultBase: true,
        models: [],
        extra: { codex: { default_capabilities: {}, reasoning_replay: true, request_compression: 'auto' } },
      },
    ])
  })

  test('C-01: the three lines load', () => {
    expect(onlyInstance({ yaml: 'backends:\n  openai_codex:\n    type: openai-codex\n' }).name).toBe('openai_codex')
  })

  test('C-03: profile B loads as printed, without a warning', () => {
    const { warnings, config } = loaded({ yaml: PROFILE })
    expect(warnings).toEqual([])
    expect(config.backends.openai_codex?.extra.codex.default_capabilities).toEqual({
      protocol: 'openai-responses',
      codex_passthrough: true,
      prompt_mode: 'codex_default',
      tool_schema_mode: 'custom_only',
      tool_text_format: 'none',
      bypass_tool_call_reactor: true,
      include_environment_context: false,
    })
  })

  test.each(['OpenAI-Codex', 'openai_codex', 'OPENAI-CODEX'])('the name %s says its kind', (name) => {
    expect(onlyInstance({ yaml: `backends:\n  ${name}:\n` }).name).toBe(name)
  })

  test('keys with nothing behind them count as not set, wherever they stand', () => {
    const yaml = `server:\nmodel_aliases:\nbackends:\n  openai_codex:\n    timeout:\n    extra:\n      codex:\n        prompt:\n        default_capabilities:\n          prompt_mode:\n`
    expect(onlyInstance({ yaml }).timeout).toBe(120)
    expect(loaded({ yaml: 'backends:\n' }).instances).toHaveLength(1)
    expect(loaded({ yaml: '' }).instances).toHaveLength(1)
  })

  test('the example file holds, and says only what holds anyway', () => {
    const yaml = readFileSync(join(import.meta.dirname, '..', '..', 'config.example.yaml'), 'utf8')
    const { config, warnings } = loaded({ yaml })
    expect(warnings).toEqual([])
    const { default_capabilities: capabilities, ...rest } = config.backends.openai_codex!.extra.codex
    rmSync(join(home, 'config.yaml'))
    const { default_capabilities: _none, ...defaults } = loaded({}).config.backends.openai_codex!.extra.codex
    expect(rest).toEqual(defaults)
    expect(capabilities).toMatchObject({ protocol: 'openai-chat', prompt_mode: 'codex_default' })
  })
})

describe('layers', () => {
  test('C-10: command line over environment over file, for every instance', () => {
    const yaml = `backends: {a: {type: openai-codex, base_url: "http://127.0.0.1:1/y"}, b: {type: openai-codex}}\ndefault_backend: a`
    const env = { OPENAI_API_BASE_URL: 'http://127.0.0.1:2/e/' }
    const bases = (given: Given) => loaded(given).instances.map(({ baseUrl }) => baseUrl)
    expect(bases({ yaml })).toEqual(['http://127.0.0.1:1/y', 'https://chatgpt.com/backend-api/codex'])
    expect(bases({ yaml, env })).toEqual(['http://127.0.0.1:2/e', 'http://127.0.0.1:2/e'])
    const flags = { baseUrl: 'http://127.0.0.1:3/c' }
    expect(bases({ yaml, env, flags })).toEqual(['http://127.0.0.1:3/c', 'http://127.0.0.1:3/c'])
    expect(bases({ yaml, env, flags: { ...flags, set: ['backends.b.base_url=http://127.0.0.1:4'] } })).toEqual([
      'http://127.0.0.1:3/c',
      'http://127.0.0.1:4',
    ])
  })

  test('C-14: each value knows where it comes from', () => {
    const { sourceOf, config } = loaded({
      yaml: 'log_level: warn\nserver: {port: 1}\nbackends: {openai_codex: {timeout: 60, token_refresh: never}}',
      env: { CODEXWAY_PORT: '2', CODEXWAY_API_KEYS: 'one, two,' },
      flags: { set: ['backends.openai_codex.timeout=30'], logLevel: 'debug' },
    })
    expect([config.log_level, config.server.port, config.server.api_keys]).toEqual(['debug', 2, ['one', 'two']])
    expect(config.backends.openai_codex?.timeout).toBe(30)
    const sources = [
      ['log_level'],
      ['server', 'port'],
      ['server', 'api_keys'],
      ['server', 'host'],
      ['backends', 'openai_codex', 'timeout'],
      ['backends', 'openai_codex', 'token_refresh'],
    ].map(sourceOf)
    expect(sources).toEqual([
      'command line',
      'environment CODEXWAY_PORT',
      'environment CODEXWAY_API_KEYS',
      'default',
      'command line',
      `YAML file ${join(home, 'config.yaml')}`,
    ])
  })

  test('C-07: capabilities of the environment are merged key by key, agents compared without case', () => {
    const { extra } = onlyInstance({
      yaml: codex(
        'default_capabilities: {tool_schema_mode: custom_only, prompt_mode: custom_only}, agent_capabilities: {OpenCode: {strict_params: true, prompt_mode: merge_custom}}',
      ),
      env: {
        OPENAI_CODEX_DEFAULT_CAPABILITIES: '{"tool_schema_mode":"merge_custom","prompt_mode":null}',
        OPENAI_CODEX_AGENT_CAPABILITIES: '{"opencode":{"prompt_mode":"custom_only"},"pi":{"strict_params":true}}',
      },
    })
    expect(extra.codex.default_capabilities).toEqual({ tool_schema_mode: 'merge_custom', prompt_mode: 'custom_only' })
    expect(extra.codex.agent_capabilities).toEqual({
      OpenCode: { strict_params: true, prompt_mode: 'custom_only' },
      pi: { strict_params: true },
    })
  })

  test('an empty variable counts as not set', () => {
    const env = {
      OPENAI_API_BASE_URL: '',
      CODEXWAY_PORT: '',
      OPENAI_CODEX_DEFAULT_CAPABILITIES: '',
      CODEXWAY_CONFIG: '',
    }
    expect(onlyInstance({ env }).isDefaultBase).toBe(true)
  })

  test('--set reaches every kind of key: lists, maps, aliases with dots, other instances', () => {
    const { config, instances } = loaded({
      yaml: 'backends: {openai_codex: {timeout: 5}}',
      env: { OPENAI_API_BASE_URL: 'http://127.0.0.1:9' },
      flags: {
        set: [
          'server.allowed_hosts=[a.test, b.test]',
          'model_aliases.gpt-4.1=openai-codex:gpt-5.5?reasoning_effort=low',
          'backends.b={type: openai-codex, models: [x]}',
          'backends.OpenAI-Codex.extra.codex.prompt.append=["be brief"]',
        ],
      },
    })
    expect(config.server.allowed_hosts).toEqual(['a.test', 'b.test'])
    expect(config.model_aliases).toEqual({ 'gpt-4.1': 'openai-codex:gpt-5.5?reasoning_effort=low' })
    expect(instances.map(({ name, timeout, models, baseUrl }) => ({ name, timeout, models, baseUrl }))).toEqual([
      { name: 'openai_codex', timeout: 5, models: [], baseUrl: 'http://127.0.0.1:9' },
      { name: 'b', timeout: 120, models: ['x'], baseUrl: 'http://127.0.0.1:9' },
    ])
    expect(config.backends.openai_codex?.extra.codex.prompt.append).toEqual(['be brief'])
  })

  test('the path to the sign-in: command line over OPENAI_CODEX_PATH over the file, which starts at its own directory', () => {
    const yaml = 'backends: {openai_codex: {codex_path: signed-in}}'
    const env = { OPENAI_CODEX_PATH: '/from/env' }
    expect(onlyInstance({ yaml }).codex_path).toBe(join(home, 'signed-in'))
    expect(onlyInstance({ yaml, env }).codex_path).toBe('/from/env')
    expect(onlyInstance({ yaml, env, flags: { codexPath: '~/mine' } }).codex_path).toBe(join(home, 'mine'))
    expect(loaded({ yaml, env }).env).toEqual({ HOME: home })
  })

  test('a prompt template is read from the file it names', () => {
    writeFileSync(join(home, 'base.md'), 'Be kind.')
    const yaml = codex('prompt: {template: "file:base.md"}')
    expect(onlyInstance({ yaml }).extra.codex.prompt.template).toBe('Be kind.')
    expect(loaded({ yaml }).config.backends.openai_codex?.extra.codex.prompt.template).toBe('file:base.md')
    expect(problems({ yaml: codex('prompt: {template: "file:none.md"}') })).toEqual([
      `backends.openai_codex.extra.codex.prompt.template: cannot read the file ${join(home, 'none.md')}`,
    ])
  })
})

describe('the file', () => {
  test('--config, then CODEXWAY_CONFIG, then ./config.yaml, then the per-user file', () => {
    const user = join(home, '.config', 'codexway')
    mkdirSync(user, { recursive: true })
    for (const [file, port] of [
      [join(user, 'config.yaml'), 1],
      [join(home, 'env.yaml'), 3],
      [join(home, 'flag.yaml'), 4],
    ] as const) {
      writeFileSync(file, `server: {port: ${port}}`)
    }
    const port = (given: Given) => loaded(given).config.server.port
    expect(port({})).toBe(1)
    expect(port({ yaml: 'server: {port: 2}' })).toBe(2)
    expect(port({ env: { CODEXWAY_CONFIG: 'env.yaml' } })).toBe(3)
    expect(port({ env: { CODEXWAY_CONFIG: 'env.yaml' }, flags: { config: 'flag.yaml' } })).toBe(4)
  })

  test('C-16: a named file that does not exist is an error', () => {
    expect(problems({ flags: { config: 'missing.yaml' } })).toEqual([
      `--config: there is no file ${join(home, 'missing.yaml')}`,
    ])
    expect(problems({ env: { CODEXWAY_CONFIG: 'missing.yaml' } })).toEqual([
      `CODEXWAY_CONFIG: there is no file ${join(home, 'missing.yaml')}`,
    ])
  })

  test('syntax errors and repeated keys are named by file, line and column, without their content', () => {
    const file = join(home, 'config.yaml')
    expect(problems({ yaml: 'server:\n  api_keys: [secret\n' })[0]).toMatch(`${file}:3:1: `)
    expect(problems({ yaml: 'log_level: info\nserver: {}\nlog_level: warn\n' })).toEqual([
      `${file}:3:1: Map keys must be unique`,
    ])
    expect(problems({ yaml: 'server: "\tsecret\n  x' }).join()).not.toContain('secret')
    expect(problems({ yaml: '- a\n' })).toEqual([`${file}: expected a map of keys at the top`])
  })
})

describe('addresses', () => {
  test.each([
    ['http://127.0.0.1:1/x/', 'http://127.0.0.1:1/x', 'http://127.0.0.1:1/x/responses'],
    ['http://127.0.0.1:1/x/responses', 'http://127.0.0.1:1/x', 'http://127.0.0.1:1/x/responses'],
    ['http://127.0.0.1:1', 'http://127.0.0.1:1', 'http://127.0.0.1:1/responses'],
    ['http://localhost:1//', 'http://localhost:1', 'http://localhost:1/responses'],
  ])('C-08: %s is asked at one slash before responses', (value, baseUrl, responsesUrl) => {
    expect(onlyInstance({ env: { OPENAI_API_BASE_URL: value } })).toMatchObject({ baseUrl, responsesUrl })
  })

  test('C-09: http beyond loopback is refused, wherever it is set', () => {
    const words = 'the token would travel in clear text to example.com; use https, or a loopback address'
    const url = 'http://example.com'
    expect(problems({ env: { OPENAI_API_BASE_URL: url } })).toEqual([
      `OPENAI_API_BASE_URL: backends.*.base_url: "${url}": ${words}`,
    ])
    expect(problems({ flags: { baseUrl: url } })).toEqual([`--base-url: backends.*.base_url: "${url}": ${words}`])
    expect(problems({ env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: url } })).toEqual([
      `CODEX_REFRESH_TOKEN_URL_OVERRIDE: ${words}`,
    ])
    expect(problems({ yaml: `backends: {openai_codex: {base_url: "${url}", oauth_issuer: "${url}"}}` })).toEqual([
      `backends.openai_codex.base_url: "${url}": ${words}`,
      `backends.openai_codex.oauth_issuer: "${url}": ${words}`,
    ])
  })

  test('another host over https is accepted with one warning; OpenAI’s own and loopback without', () => {
    const warnings = (base: string) => loaded({ env: { OPENAI_API_BASE_URL: base } }).warnings
    expect(warnings('https://proxy.example/x')).toEqual([
      'OPENAI_API_BASE_URL: backends.*.base_url: the access token is sent to proxy.example, which is neither chatgpt.com, openai.com nor loopback',
    ])
    for (const base of ['https://chatgpt.com/x', 'https://eu.api.openai.com', 'http://[::1]:1', 'http://localhost']) {
      expect(warnings(base)).toEqual([])
    }
    expect(warnings('https://notchatgpt.com')).toHaveLength(1)
  })
})

describe('faults are named with key path, value and what is allowed', () => {
  const path = 'backends.openai_codex'
  test.each([
    [
      'C-04',
      codex('default_capabilities: {prompt_mode: foo}'),
      `${path}.extra.codex.default_capabilities.prompt_mode: "foo" is not allowed; expected one of codex_default, merge_custom, custom_only`,
    ],
    [
      'C-05',
      codex('default_capabilities: {include_environment_context: "false"}'),
      `${path}.extra.codex.default_capabilities.include_environment_context: "false" is text; expected true or false (a boolean)`,
    ],
    [
      'C-06',
      codex('default_capabilites: {}'),
      `${path}.extra.codex.default_capabilites: unknown key; did you mean default_capabilities?`,
    ],
    [
      'C-15',
      'backends: {foo: {}}',
      'backends.foo.type: missing, and "foo" is no kind itself; known kinds: openai-codex',
    ],
    ['C-15', 'backends: {foo: {type: nope}}', 'backends.foo.type: "nope" is not allowed; expected openai-codex'],
    [
      'C-17',
      'backends: {openai_codex: {timeout: 0}}',
      `${path}.timeout: 0 is not allowed; expected a number from 1 to 600`,
    ],
    [
      'C-17',
      'backends: {openai_codex: {timeout: 601}}',
      `${path}.timeout: 601 is not allowed; expected a number from 1 to 600`,
    ],
    [
      'C-17',
      'backends: {openai_codex: {timeout: "120"}}',
      `${path}.timeout: "120" is text; expected a number from 1 to 600`,
    ],
    ['port', 'server: {port: 65536}', 'server.port: 65536 is not allowed; expected a whole number from 0 to 65535'],
    ['misplaced', 'timeout: 5', 'timeout: unknown key; it belongs at backends.NAME.timeout'],
    ['default', 'default_backend: nix', 'default_backend: "nix" is not defined; known instances: openai_codex'],
    [
      'open host',
      'server: {host: 0.0.0.0}',
      'server.host: "0.0.0.0" lets other machines use your account; set server.api_keys (or CODEXWAY_API_KEYS), or listen on 127.0.0.1',
    ],
    [
      'twins',
      'backends: {openai_codex: {}, OpenAI-Codex: {}}',
      'backends.OpenAI-Codex: the same name as backends.openai_codex: names compare without case, and - equals _',
    ],
    [
      'agents',
      codex('agent_capabilities: {pi: {}, Pi/2: {}}'),
      `${path}.extra.codex.agent_capabilities.Pi/2: the same name as ${path}.extra.codex.agent_capabilities.pi: agents compare without case, up to the first /`,
    ],
    ['alias', 'model_aliases: {x: 5}', 'model_aliases.x: 5 is a number; expected text'],
    [
      'tool',
      codex('tool_schema: {custom_tools: [{type: function}]}'),
      `${path}.extra.codex.tool_schema.custom_tools.0: {"type":"function"}: expected a tool: {type: function, name, parameters}, or {type: function, function: {name, parameters}}`,
    ],
    ['section', 'server: []', 'server: [] is a list; expected a map'],
    [
      'name',
      'backends: {"a:b": {type: openai-codex}}',
      'backends.a:b: expected an instance name without ":", "/", "?" and spaces',
    ],
  ])('%s: %s', (_id, yaml, line) => {
    expect(problems({ yaml })).toEqual([line])
  })

  test('C-13: all at once, one line each, also those between keys', () => {
    const yaml =
      'default_backend: nix\nserver: {port: x, prot: 1}\nbackends: {openai_codex: {timeout: 0}, foo: {}, bar: {base_url: "http://a.test"}}'
    expect(problems({ yaml }).map((line) => line.split(': ', 1)[0])).toEqual([
      'server.port',
      'server.prot',
      'backends.openai_codex.timeout',
      'backends.bar.base_url',
      'backends.foo.type',
      'backends.bar.type',
      'default_backend',
    ])
  })

  test('a fault of a variable or a flag is named by it, and secrets are not shown', () => {
    const given = {
      env: {
        CODEXWAY_PORT: 'abc',
        CODEXWAY_HOST: '10.0.0.1',
        OPENAI_CODEX_DEFAULT_CAPABILITIES: '{"prompt_mode":"x"',
        OPENAI_CODEX_AGENT_CAPABILITIES: '{"pi":{"prompt_mode":"x"}}',
      },
      flags: { set: ['a', 'server.port=[', 'server.api_keys=hidden', 'sever.port=1'], logLevel: 'loud' },
    }
    const lines = problems(given)
    expect(lines).toEqual([
      '--set a: expected key.path=value, e.g. --set server.port=8080',
      '--set server.port: the value is not valid YAML',
      'OPENAI_CODEX_DEFAULT_CAPABILITIES: not valid JSON; expected an object such as {"prompt_mode":"merge_custom"}',
      '--log-level: log_level: "loud" is not allowed; expected one of trace, debug, info, warn, error, fatal, silent',
      'CODEXWAY_PORT: server.port: "abc" is text; expected a whole number from 0 to 65535',
      '--set: server.api_keys: the value is text; expected a list of texts',
      'OPENAI_CODEX_AGENT_CAPABILITIES: backends.*.extra.codex.agent_capabilities.pi.prompt_mode: "x" is not allowed; expected one of codex_default, merge_custom, custom_only',
      '--set: sever: unknown key; did you mean server?',
    ])
  })

  test('aliases are checked along with the rest', () => {
    writeFileSync(join(home, 'config.yaml'), 'model_aliases: {x: ghost:y, z: 1}\nbackends: {a: {type: openai-codex}}')
    const result = loadConfig({}, { HOME: home }, home, (aliases, instances) => [
      `${JSON.stringify(aliases)} ${instances.join()}`,
    ])
    expect(result).toEqual({
      ok: false,
      problems: ['model_aliases.z: 1 is a number; expected text', '{"x":"ghost:y"} a'],
    })
  })
})
