import type { z } from 'zod'
import { nearest } from '../lib/nearest.ts'
import { maskSecrets } from '../lib/redact.ts'
import { nodeAt, toConfigJsonSchema } from './json-schema.ts'
import { toKeyText } from './key-path.ts'
import type { SettingsTree } from './settings-tree.ts'
import { type SchemaNode, toKindWords, toValueWords } from './value-words.ts'

type Issue = z.core.$ZodIssue

const MAX_SHOWN = 80

/** One line for each fault: where it was set, key path, value, what is allowed (connector.md §2.3). */
export function toProblems(error: z.ZodError, tree: SettingsTree): string[] {
  const schema = toConfigJsonSchema()
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [`${toPlace(issue.path, tree)}: ${toFault(issue, tree, schema)}`]
    return issue.keys.map((key) => {
      const known = Object.keys(nodeAt(schema, issue.path)?.properties ?? {})
      return `${toPlace([...issue.path, key], tree)}: unknown key; ${toSuggestion(key, known, schema)}`
    })
  })
}

/** The key path, after the variable or flag if one of them set it. */
export function toPlace(path: readonly PropertyKey[], tree: SettingsTree): string {
  const origin = tree.originOf(path)
  if (origin === undefined || origin.kind === 'file') return toKeyText(path)
  const shown = origin.isForAllInstances === true ? path.with(1, '*') : path
  return `${origin.name}: ${toKeyText(shown)}`
}

function toFault(issue: Issue, tree: SettingsTree, schema: SchemaNode): string {
  const value = tree.at(issue.path)
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'not a valid name'
  const shown = issue.path.includes('api_keys') ? 'the value' : toShown(value)
  if (issue.code === 'custom' || issue.code === 'invalid_format' || hasOwnWords(issue))
    return `${shown}: ${issue.message}`
  const node = nodeAt(schema, issue.path)
  const expected = node === undefined ? issue.message : toValueWords(withoutNull(node))
  const isWrongType = issue.code === 'invalid_type' && issue.expected !== 'int'
  return `${shown} is ${isWrongType ? toKindWords(value) : 'not allowed'}; expected ${expected}`
}

/** Zod gives no code to what a schema says in words of its own. */
function hasOwnWords({ code, message }: Issue): boolean {
  return code === 'too_small' && message.startsWith('expected')
}

function toShown(value: unknown): string {
  const text = maskSecrets(JSON.stringify(value) ?? 'nothing').replace(/(\/\/)[^/@"]+@/g, '$1…@')
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

function withoutNull(node: SchemaNode): SchemaNode {
  return Array.isArray(node.type) ? { ...node, type: node.type.filter((type) => type !== 'null') } : node
}

/** A key of that name elsewhere is what was meant more often than another word here. */
function toSuggestion(key: string, siblings: readonly string[], schema: SchemaNode): string {
  const elsewhere = findKey(schema, key, [])
  if (elsewhere !== undefined) return `it belongs at ${elsewhere}`
  const [best] = nearest(key, siblings)
  return best === undefined ? 'no keys are known here' : `did you mean ${best}?`
}

function findKey(node: SchemaNode, key: string, path: readonly string[]): string | undefined {
  const { properties = {}, additionalProperties: values } = node
  if (Object.hasOwn(properties, key)) return toKeyText([...path, key])
  for (const [name, child] of Object.entries(properties)) {
    const found = findKey(child, key, [...path, name])
    if (found !== undefined) return found
  }
  return typeof values === 'object' ? findKey(values, key, [...path, 'NAME']) : undefined
}
