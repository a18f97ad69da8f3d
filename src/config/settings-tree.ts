import { isObject, type JsonObject } from '../lib/json.ts'
import { type KeyPath, toKeyText } from './key-path.ts'

/** Where a value comes from. */
export interface Origin {
  readonly kind: 'file' | 'environment' | 'command line'
  /** The file's path, the variable, or the flag. */
  readonly name: string
  /** Set for every instance alike. */
  readonly isForAllInstances?: boolean
}

export interface Assignment {
  readonly path: KeyPath
  readonly value: unknown
  readonly origin: Origin
}

/** The layers laid over each other, unchecked, and where each value comes from. */
export class SettingsTree {
  readonly root: JsonObject
  /** By key text; maps are entered by their leaves. */
  readonly #origins = new Map<string, Origin>()

  constructor(root: JsonObject, origin: Origin) {
    this.root = root
    this.#note([], root, origin)
  }

  /** Maps are merged key by key; lists and plain values replace what was there. */
  assign({ path, value, origin }: Assignment): void {
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) this.assign({ path: [...path, key], value: inner, origin })
      return
    }
    const parent = this.#openParent(path)
    const key = path.at(-1)
    // A wrong value where a map belongs stays, so that it is reported.
    if (parent === undefined || key === undefined) return
    // An empty map adds nothing to one that is there.
    if (isObject(value) && isObject(own(parent, key))) return
    define(parent, key, value)
    this.#note(path, value, origin)
  }

  at(path: readonly PropertyKey[]): unknown {
    let value: unknown = this.root
    for (const key of path) value = typeof value === 'object' && value !== null ? own(value, key) : undefined
    return value
  }

  /** Of the value at the path, else of what holds it or stands below it. */
  originOf(path: readonly PropertyKey[]): Origin | undefined {
    for (let length = path.length; length > 0; length--) {
      const text = toKeyText(path.slice(0, length))
      const origin = this.#origins.get(text)
      if (origin !== undefined) return origin
      if (length < path.length) continue
      for (const [known, below] of this.#origins) if (known.startsWith(`${text}.`)) return below
    }
    return undefined
  }

  #openParent(path: KeyPath): JsonObject | undefined {
    let parent = this.root
    for (const key of path.slice(0, -1)) {
      const inner = own(parent, key) ?? {}
      if (!isObject(inner)) return undefined
      define(parent, key, inner)
      parent = inner
    }
    return parent
  }

  #note(path: KeyPath, value: unknown, origin: Origin): void {
    if (isObject(value) && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) this.#note([...path, key], inner, origin)
    } else if (path.length > 0) this.#origins.set(toKeyText(path), origin)
  }
}

function own(object: object, key: PropertyKey): unknown {
  return Object.hasOwn(object, key) ? Reflect.get(object, key) : undefined
}

/** Plain assignment would reach the prototype through a key like `__proto__`. */
function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
