import type { z } from 'zod'
import { nearest } from '../lib/nearest.ts'
import { CAPABILITY_VALUES } from '../turn/capabilities.ts'

const KNOWN_KEYS = [
  ...Object.keys(CAPABILITY_VALUES),
  ...'default_backend log_level model_aliases server backends host port api_keys allowed_hosts cors_origins max_body_bytes drain_seconds type timeout base_url codex_path oauth_issuer token_refresh models extra codex client_identity client_version transport responses_shape request_compression remote_images remote_image_hosts allowed_params reasoning_replay default_capabilities agent_capabilities prompt tool_schema template prepend append deduplicate fallback_to_default base_tools custom_tools'.split(
    ' ',
  ),
]

/** One line for each fault: key path, value, what is allowed (connector.md §2.3). */
export function toProblems(error: z.ZodError, source: unknown): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.')
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const [suggestion] = nearest(key, KNOWN_KEYS)
        return `${[path, key].filter((part) => part !== '').join('.')}: unknown key${suggestion === undefined ? '' : `; did you mean "${suggestion}"?`}`
      })
    }
    const value = issue.path.some((part) => part === 'api_keys')
      ? '(hidden)'
      : JSON.stringify(valueAt(source, issue.path))
    return [`${path}: ${value} is not valid: ${issue.message}`]
  })
}

function valueAt(source: unknown, path: readonly PropertyKey[]): unknown {
  let value = source
  for (const part of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
  return value
}
