/** Values that ask for what happens anyway: neither reported nor refused (connector.md §7.1). */
const NO_OPS: Readonly<Record<string, unknown>> = {
  n: 1,
  logprobs: false,
  top_logprobs: 0,
  store: false,
  truncation: 'disabled',
  background: false,
  'stream_options.include_obfuscation': false,
}

/** @param name dotted for nested fields */
export function isNoOp(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (name === 'modalities') return Array.isArray(value) && value.length === 1 && value[0] === 'text'
  return Object.hasOwn(NO_OPS, name) && NO_OPS[name] === value
}
