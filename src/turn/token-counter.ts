/** Counts o200k tokens (connector.md §10). */
export type CountTokens = (text: string) => number

let loading: Promise<CountTokens> | undefined

/** Loads the tokenizer on first use: its table is large, and most answers never need it. */
export function loadTokenCounter(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(({ encode }) => {
    // Text like "<|endoftext|>" in an answer is text.
    return (text) => encode(text, { disallowedSpecial: new Set() }).length
  })
  return loading
}
