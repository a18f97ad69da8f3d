import { z } from 'zod'
import { LOG_LEVELS } from '../lib/logger.ts'
import { backendSchema } from './backend-schema.ts'
import { serverSchema } from './server-schema.ts'
import { optionalSetting, setting } from './setting.ts'
import { storeSchema } from './store-schema.ts'

const instanceName = z
  .string()
  .regex(/^[^\s:/?]+$/, { error: 'expected an instance name without ":", "/", "?" and spaces' })

/** Every option: its check, its default, its doc line. */
export const configSchema = z.strictObject({
  default_backend: optionalSetting(
    z.string(),
    'Instance for models named without one. May be left out when there is one instance.',
  ),
  log_level: setting(z.enum(LOG_LEVELS), 'info', 'How much is logged.'),
  model_aliases: setting(
    z.record(z.string(), z.string()),
    {},
    'Name → model selector. Names compare without case; `*` in a name stands for any text.',
  ),
  claude_models: setting(
    z.boolean(),
    true,
    'On `/v1/messages`, models named `claude-…` that no alias covers stand for models of the catalogue: haiku the smallest, opus the largest, others the default.',
  ),
  ollama: setting(
    z.boolean(),
    false,
    "Serve Ollama's API (`/api/chat`, `/api/generate`, `/api/tags` …) on the main port. `server.ollama_port` serves it on another.",
  ),
  server: serverSchema,
  store: storeSchema,
  backends: setting(
    z.record(instanceName, backendSchema),
    {},
    'Backend instances by name. None: one instance `openai_codex` with the defaults.',
  ),
})

export type Config = z.infer<typeof configSchema>
export type BackendConfig = z.infer<typeof backendSchema>
