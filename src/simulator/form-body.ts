import type { JsonObject } from '../lib/json.ts'

/** A multipart form as an object: texts as they are, files as `{filename, type, text}`; undefined if it is none. */
export function parseForm(contentType: string, text: string): JsonObject | undefined {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1]
  if (boundary === undefined) return undefined
  const body: JsonObject = {}
  for (const part of text.split(`--${boundary}`).slice(1, -1)) {
    const at = part.indexOf('\r\n\r\n')
    const head = part.slice(0, at)
    const value = part.slice(at + 4, -2)
    const name = /[; ]name="([^"]*)"/i.exec(head)?.[1] ?? ''
    const filename = /filename="([^"]*)"/i.exec(head)?.[1]
    const type = /content-type: *(\S+)/i.exec(head)?.[1] ?? ''
    body[name] = filename === undefined ? value : { filename, type, text: value }
  }
  return body
}
