import { z } from 'zod'
import { capabilitiesSchema } from './capabilities-schema.ts'
import { optionalSetting, section, setting } from './setting.ts'
import { urlSchema } from './url-schema.ts'

export const BACKEND_KIND = 'openai-codex'
export const DEFAULT_BASE_URL = 'https://chatgpt.com/backend-api/codex'

const text = z.string()
const name = z.string().min(1, { error: 'expected text that is not empty' })
const accountName = text.regex(/^(?!chosen$)[A-Za-z0-9][\w.-]{0,62}$/, {
  error: 'expected an account name: letters, digits, "_", "." and "-"',
})
const toolSchema = z.record(z.string(), z.unknown()).refine(isTool, {
  error: 'expected a tool: {type: function, name, parameters}, or {type: function, function: {name, parameters}}',
})

const prompt = section(
  {
    template: setting(text.nullable(), null, 'Base text in place of the model’s own: the text itself, or `file:PATH`.'),
    prepend: setting(z.array(text), [], 'Sections before the base text.'),
    append: setting(z.array(text), [], 'Sections behind the base text.'),
    deduplicate: setting(z.boolean(), true, 'Equal sections appear once.'),
    fallback_to_default: setting(z.boolean(), true, 'Use the base text where `custom_only` finds no client text.'),
  },
  'The base text sent to the backend.',
)

const tools = section(
  {
    base_tools: setting(
      z.array(toolSchema).nullable(),
      null,
      'Base tools in place of the built-in four (`exec_command`, `write_stdin`, `apply_patch`, `view_image`); `[]` = none.',
    ),
    custom_tools: setting(z.array(toolSchema), [], 'Tools offered behind the client’s own.'),
  },
  'Tools besides the client’s, for `tool_schema_mode`.',
)

const codex = section(
  {
    client_identity: setting(
      z.enum(['codex_cli', 'codexway']),
      'codex_cli',
      '`originator` and `User-Agent` sent to the backend: those of the Codex CLI, or our own name.',
    ),
    client_version: setting(
      text.regex(/^(auto|\d+\.\d+\.\d+)$/, { error: 'expected auto or a version X.Y.Z' }),
      'auto',
      'The CLI version stated to the backend. `auto`: the higher of the built-in one and the one in the CLI’s own `models_cache.json`.',
    ),
    transport: setting(
      z.enum(['auto', 'websocket', 'sse']),
      'auto',
      'Transport to the backend; what clients see is the same. `auto`: WebSocket first, HTTP where the backend refuses it, and for a while after; `websocket`: the same, but asked for every time; `sse`: HTTP only.',
    ),
    responses_shape: setting(
      z.enum(['auto', 'classic', 'lite']),
      'auto',
      'Shape of requests to the backend. `auto`: as the model’s catalogue entry says.',
    ),
    request_compression: setting(
      z.enum(['auto', 'zstd', 'none']),
      'auto',
      'Compression of request bodies. `auto`: zstd to chatgpt.com, as the Codex CLI does; none elsewhere.',
    ),
    remote_images: setting(
      z.enum(['inline', 'forward', 'refuse']),
      'inline',
      'Image URLs that are no `data:` URLs: fetch and send the bytes, forward the URL, or answer 400.',
    ),
    remote_image_hosts: setting(
      z.array(text.regex(/^[^\s/@]+$/, { error: 'expected host or host:port, without scheme and path' })),
      [],
      '`host[:port]` exempt from the rule that images come over https from public addresses.',
    ),
    allowed_params: setting(z.array(name), [], 'Further top-level body fields let through to the backend.'),
    reasoning_replay: setting(
      z.boolean(),
      true,
      'Give the backend its encrypted reasoning back for chat clients, which cannot carry it.',
    ),
    default_capabilities: capabilitiesSchema.prefault({}).describe('Capability profile of every request.'),
    agent_capabilities: setting(
      z.record(name, capabilitiesSchema),
      {},
      'Profiles by agent name, over `default_capabilities`. Names compare without case, up to the first `/`.',
    ),
    prompt,
    tool_schema: tools,
  },
  'Settings of the Codex connector.',
)

export const backendSchema = section(
  {
    type: optionalSetting(
      z.enum([BACKEND_KIND]),
      'Connector kind. May be left out when the instance is named like a kind (`-` = `_`, any case).',
    ),
    timeout: setting(
      z.number().min(1).max(600),
      120,
      'Seconds for connecting and the first byte, and for silence between bytes; never for a whole stream.',
    ),
    base_url: setting(
      urlSchema,
      DEFAULT_BASE_URL,
      'The backend. Requests go to `<base_url>/responses`, the catalogue comes from `<base_url>/models`; a value ending in `/responses` is taken as it is.',
    ),
    codex_path: optionalSetting(
      name,
      'Directory holding `auth.json`; a path ending in `.json` is the file itself. `~` expands; in the file, paths are relative to it.',
    ),
    account: optionalSetting(
      accountName,
      'Named account of `codexway login --account`; `default` is the sign-in the Codex CLI uses. Not set: the one of `codexway accounts use`. `codex_path` beats it.',
    ),
    accounts: setting(
      z.array(accountName),
      [],
      'Several named accounts in place of one. A conversation stays with its account; `account_strategy` decides for new ones.',
    ),
    account_strategy: setting(
      z.enum(['first', 'round_robin', 'least_used', 'sticky']),
      'first',
      'With `accounts`: the first of the list, one after the other, the one with most left of its plan, or by the conversation’s name.',
    ),
    failover: setting(
      z.boolean(),
      false,
      'With `accounts`: a turn refused before any output (limit, sign-in, workspace) goes to another account, and the refused one rests until its limit resets. Read docs/accounts.md first.',
    ),
    oauth_issuer: optionalSetting(
      urlSchema,
      'Host of `/oauth/token`. Not set: the issuer named in `auth.json` if it is OpenAI’s, else https://auth.openai.com.',
    ),
    token_refresh: setting(
      z.enum(['auto', 'never']),
      'auto',
      '`never`: use the token as found, never refresh it, never write the file.',
    ),
    models: setting(z.array(name), [], 'Further model slugs to accept and to list.'),
    extra: section({ codex }, 'Settings of the connector.'),
  },
  'One backend instance.',
)

function isTool(tool: Record<string, unknown>): boolean {
  const { type } = tool
  if (type !== 'function' && type !== 'custom') return typeof type === 'string'
  const inner = tool[type]
  const named = typeof inner === 'object' && inner !== null ? Reflect.get(inner, 'name') : tool.name
  return typeof named === 'string' && named !== ''
}
