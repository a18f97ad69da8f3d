export interface TextPosition {
  readonly line: number
  readonly column: number
}

/** What may come next. `end` = after the outermost value. */
type Expected = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close' | 'end'

const SPACE = /[ \t\r\n]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids raw control characters in strings.
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y

/**
 * Where a text stops being JSON; `undefined` if it is JSON throughout. The engine's own message would quote the text, and
 * does not always give a position.
 */
export function findJsonError(text: string): TextPosition | undefined {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let offset = 0

  for (;;) {
    offset += matchLength(SPACE, text, offset)
    const char = text[offset]
    if (char === undefined) return expected === 'end' ? undefined : toPosition(text, offset)

    const step = takeToken(text, offset, expected, open)
    if (step === undefined) return toPosition(text, offset)
    offset += step.length
    expected = step.expected
  }
}

function takeToken(text: string, offset: number, expected: Expected, open: ('{' | '[')[]) {
  const char = text[offset]
  const inside = open.at(-1)
  if (char === '}' || char === ']') {
    const closes = inside === (char === '}' ? '{' : '[')
    const mayClose = expected === 'comma-or-close' || expected === (char === '}' ? 'key-or-close' : 'value-or-close')
    if (!closes || !mayClose) return undefined
    open.pop()
    return { length: 1, expected: afterValue(open) }
  }
  switch (expected) {
    case 'end':
      return undefined
    case 'colon':
      return char === ':' ? { length: 1, expected: 'value' as const } : undefined
    case 'comma-or-close':
      if (char !== ',') return undefined
      return { length: 1, expected: inside === '{' ? ('key' as const) : ('value' as const) }
    case 'key':
    case 'key-or-close': {
      const length = matchLength(STRING, text, offset)
      return length > 0 ? { length, expected: 'colon' as const } : undefined
    }
    default:
      return takeValue(text, offset, open)
  }
}

function takeValue(text: string, offset: number, open: ('{' | '[')[]) {
  const char = text[offset]
  if (char === '{' || char === '[') {
    open.push(char)
    return { length: 1, expected: char === '{' ? ('key-or-close' as const) : ('value-or-close' as const) }
  }
  const length = matchLength(char === '"' ? STRING : SCALAR, text, offset)
  return length > 0 ? { length, expected: afterValue(open) } : undefined
}

function afterValue(open: readonly unknown[]): Expected {
  return open.length === 0 ? 'end' : 'comma-or-close'
}

function matchLength(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset
  return pattern.exec(text)?.[0].length ?? 0
}

function toPosition(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
