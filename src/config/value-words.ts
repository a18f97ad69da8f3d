/** As much of a JSON Schema as ours uses. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | boolean
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
}

/** What a key takes, in words. */
export function toValueWords(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.length === 1 ? String(node.enum[0]) : `one of ${node.enum.join(', ')}`
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(toValueWords))].join(' or ')
  const types = typeof node.type === 'string' ? [node.type] : (node.type ?? [])
  return types.map((type) => toTypeWords(type, node)).join(' or ')
}

/** What a value is, in the words of `toValueWords`. */
export function toKindWords(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return 'text'
  return typeof value === 'boolean' ? 'true or false' : 'a number'
}

function toTypeWords(type: string, node: SchemaNode): string {
  switch (type) {
    case 'integer':
      return `a whole number${toRange(node)}`
    case 'number':
      return `a number${toRange(node)}`
    case 'boolean':
      return 'true or false (a boolean)'
    case 'string':
      return 'text'
    case 'array':
      return node.items?.type === 'object' ? 'a list of maps' : 'a list of texts'
    case 'object':
      return isTextMap(node) ? 'a map from text to text' : 'a map'
    default:
      return type
  }
}

function isTextMap({ additionalProperties: values }: SchemaNode): boolean {
  return typeof values === 'object' && values.type === 'string'
}

function toRange({ minimum, maximum }: SchemaNode): string {
  return minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`
}
