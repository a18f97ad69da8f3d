/** All that the backend takes at the top level (connector.md §7.1). Written out here so that the code cannot widen it. */
export const ALLOWED_FIELDS: readonly string[] = [
  'model',
  'instructions',
  'input',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'include',
  'store',
  'stream',
  'prompt_cache_key',
  'service_tier',
  'client_metadata',
  'access_programs',
]
