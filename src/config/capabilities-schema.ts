import { z } from 'zod'
import { CAPABILITY_VALUES, type CapabilityKey } from '../turn/capabilities.ts'

const DOCS: Record<CapabilityKey, string> = {
  protocol: 'The API the profile is written for. Informative: the endpoint alone decides how a request is read.',
  codex_passthrough:
    'On `/v1/responses`: forward the body faithfully. Not set: true there; it has no effect on chat completions.',
  prompt_mode:
    'Where the client’s system text goes: `codex_default` beside the base text, `merge_custom` inside it, `custom_only` in its place.',
  tool_schema_mode: 'Tools the backend sees: the client’s, the client’s and the base tools, or the base tools only.',
  tool_text_format: 'Chat only: tool calls are also rendered as text in this form.',
  fallback_tool_text_format: 'The form for tools that `tool_text_format` has none for.',
  bypass_tool_call_reactor: 'Tool calls reach the client exactly as the backend sent them.',
  include_environment_context: 'Send an environment block made of values the client supplied.',
  reasoning_output: 'Chat only: where the reasoning summary goes.',
  strict_params: 'Refuse parameters that would otherwise be dropped and reported.',
}

type Values = typeof CAPABILITY_VALUES
type CapabilitySchema<V> = V extends readonly string[]
  ? z.ZodOptional<z.ZodType<V[number]>>
  : z.ZodOptional<z.ZodBoolean>

const shape = Object.fromEntries(
  Object.entries(CAPABILITY_VALUES).map(([key, values]) => {
    const schema = values === 'boolean' ? z.boolean() : z.enum(values)
    return [key, z.preprocess((value) => value ?? undefined, schema.optional()).describe(DOCS[key as CapabilityKey])]
  }),
  // The loop keeps each key's own values, which the type of `fromEntries` forgets.
) as unknown as { [K in CapabilityKey]: CapabilitySchema<Values[K]> }

/** One layer of a profile (connector.md §5.1): what it does not set is left to the layers below. */
export const capabilitiesSchema = z.preprocess((value) => value ?? {}, z.strictObject(shape))
