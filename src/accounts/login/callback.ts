/** What came back from the issuer through a person's browser, or through their clipboard. */
export type Callback =
  | { readonly kind: 'code'; readonly code: string }
  /** The issuer's refusal: the login is over. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Not an answer to this login: it goes on waiting. */
  | { readonly kind: 'wrong'; readonly reason: string }

const WRONG_STATE = 'State mismatch: this is the answer to another login. Use the newest login address.'
const NO_CODE = 'There is no code in this address. Go through the login page again.'

/** The query of `/auth/callback`. The state comes first: what lacks it is from somebody else. */
export function parseCallback(query: URLSearchParams, state: string): Callback {
  if (query.get('state') !== state) return { kind: 'wrong', reason: WRONG_STATE }
  const error = query.get('error')
  if (error !== null && error !== '') return { kind: 'refused', reason: toReason(error, query) }
  const code = query.get('code') ?? ''
  return code === '' ? { kind: 'wrong', reason: NO_CODE } : { kind: 'code', code }
}

/** A pasted address, its query alone, `code#state`, or the bare code. */
export function parsePasted(text: string, state: string): Callback {
  const pasted = text.trim()
  if (pasted === '') return { kind: 'wrong', reason: 'Nothing was pasted.' }
  if (URL.canParse(pasted) && /^https?:/i.test(pasted)) return parseCallback(new URL(pasted).searchParams, state)
  if (/(?:^|[?&])(?:code|error)=/.test(pasted)) {
    return parseCallback(new URLSearchParams(pasted.slice(pasted.indexOf('?') + 1)), state)
  }
  const [code = '', pastedState] = pasted.split('#', 2)
  if (pastedState !== undefined && pastedState !== state) return { kind: 'wrong', reason: WRONG_STATE }
  return /^[\w.~-]{8,}$/.test(code) ? { kind: 'code', code } : { kind: 'wrong', reason: NO_CODE }
}

/** Words of the issuer's, on one line. */
function toReason(error: string, query: URLSearchParams): string {
  const description = query.get('error_description') ?? ''
  const text = description === '' ? error : `${description} (${error})`
  return [...text]
    .filter((character) => character >= ' ' && character !== '\u007f')
    .join('')
    .slice(0, 300)
}
