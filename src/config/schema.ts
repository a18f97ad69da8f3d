import { z } from 'zod'
import { CAPABILITY_VALUES } from '../turn/capabilities.ts'

/** A key whose `null` means "not set", as an empty YAML value reads. */
function orDefault<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => value ?? undefined, schema)
}

const capabilityShape = Object.fromEntries(
  Object.entries(CAPABILITY_VALUES).map(([key, values]) => [
    key,
    values === 'boolean' ? z.boolean().nullish() : z.enum(values as readonly [string, ...string[]]).nullish(),
  ]),
)
const capabilities = z.strictObject(capabilityShape)

const prompt = z.strictObject({
  template: z
    .string()
    .nullable()
    .default(null)
    .describe('Base text in place of the catalogue’s: the text itself, or `file:PATH`.'),
  prepend: z.array(z.string()).default([]).describe('Sections before the base text.'),
  append: z.array(z.string()).default([]).describe('Sections behind the base text.'),
  deduplicate: z.boolean().default(true).describe('Equal sections appear once.'),
  fallback_to_default: z
    .boolean()
    .default(true)
    .describe('Use the base text where `custom_only` finds no client text.'),
})

const toolSchema = z.strictObject({
  base_tools: z
    .array(z.record(z.string(), z.unknown()))
    .nullable()
    .default(null)
    .describe('Base tools in place of the built-in four; `[]` = none.'),
  custom_tools: z
    .array(z.record(z.string(), z.unknown()))
    .default([])
    .describe('Tools offered behind the client’s own.'),
})

const codex = z.strictObject({
  client_identity: z
    .enum(['codex_cli', 'codexway'])
    .default('codex_cli')
    .describe('`originator` and `User-Agent` sent to the backend.'),
  client_version: z
    .union([z.literal('auto'), z.string().regex(/^\d+\.\d+\.\d+$/)])
    .default('auto')
    .describe('The CLI version stated to the backend.'),
  transport: z
    .enum(['auto', 'websocket', 'sse'])
    .default('auto')
    .describe('Upstream transport; today all of them use HTTP with SSE.'),
  responses_shape: z.enum(['auto', 'classic', 'lite']).default('auto').describe('Request shape; auto = by catalogue.'),
  request_compression: z
    .enum(['auto', 'zstd', 'none'])
    .default('auto')
    .describe('zstd request bodies; auto = to chatgpt.com only, as the Codex CLI does.'),
  remote_images: z
    .enum(['inline', 'forward', 'refuse'])
    .default('inline')
    .describe('What happens to image URLs that are no `data:` URLs.'),
  remote_image_hosts: z
    .array(z.string())
    .default([])
    .describe('`host[:port]` exempt from the public-address and https rule.'),
  allowed_params: z.array(z.string()).default([]).describe('Further top-level body fields let through to the backend.'),
  reasoning_replay: z.boolean().default(true).describe('Put encrypted reasoning back for chat clients.'),
  default_capabilities: orDefault(capabilities.default({})).describe('Capability profile of every request.'),
  agent_capabilities: orDefault(z.record(z.string(), capabilities).default({})).describe('Profiles by agent name.'),
  prompt: orDefault(prompt.prefault({})).describe('The base text.'),
  tool_schema: orDefault(toolSchema.prefault({})).describe('The tools.'),
})

const backend = z.strictObject({
  type: z.literal('openai-codex').optional().describe('Connector kind; may be left out when the name is one.'),
  timeout: z
    .number()
    .min(1)
    .max(600)
    .default(120)
    .describe('Seconds for connect and first byte, and for silence between bytes.'),
  base_url: z.string().default('https://chatgpt.com/backend-api/codex').describe('The backend.'),
  codex_path: z.string().optional().describe('Directory holding `auth.json`, or the file itself.'),
  oauth_issuer: z.string().optional().describe('Host of `/oauth/token`; https://auth.openai.com if not set.'),
  token_refresh: z
    .enum(['auto', 'never'])
    .default('auto')
    .describe('never: use the token as found, never write the file.'),
  models: z.array(z.string()).default([]).describe('Further slugs to accept and to list.'),
  extra: orDefault(z.strictObject({ codex: orDefault(codex.prefault({})) }).prefault({})),
})

const server = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address to listen on; beyond loopback only with `api_keys`.'),
  port: z.int().min(0).max(65_535).default(2633).describe('0 = any free port.'),
  api_keys: z.array(z.string().min(1)).default([]).describe('Keys clients must send; none = no key needed.'),
  allowed_hosts: z.array(z.string()).default([]).describe('`Host` names accepted besides loopback ones.'),
  cors_origins: z.array(z.string()).default([]).describe('Web origins accepted besides loopback ones.'),
  max_body_bytes: z
    .int()
    .min(1024)
    .default(64 * 1024 * 1024)
    .describe('Request body limit after decoding.'),
  drain_seconds: z.number().min(0).max(3600).default(30).describe('Time running requests get when stopping.'),
})

/** Every option: its check, its default, its doc line. */
export const configSchema = z.strictObject({
  default_backend: z.string().optional().describe('Instance for models named without one.'),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Log level.'),
  model_aliases: orDefault(z.record(z.string(), z.string()).default({})).describe('Name or glob → model selector.'),
  server: orDefault(server.prefault({})),
  backends: orDefault(z.record(z.string(), orDefault(backend.prefault({}))).default({})),
})

export type Config = z.infer<typeof configSchema>
export type BackendConfig = z.infer<typeof backend>
