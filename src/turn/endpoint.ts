/** The client protocols, by how far they are from the backend's own form: only `responses` can be passed through. */
export type Endpoint = 'chat' | 'completions' | 'messages' | 'responses' | 'ollama' | 'gemini' | 'images'
