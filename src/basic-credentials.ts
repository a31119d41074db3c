/**
 * Value of an `Authorization` header for client credentials (RFC 6749 §2.3.1): both are form-encoded first. The encoding is that of
 * WHATWG, which leaves `-._*` as they are, because Glewlwyd and LemonLDAP::NG do not decode: an id like `mcp-server` reaches them.
 */
export function basicCredentials(clientId: string, clientSecret: string): string {
  const encoded = [clientId, clientSecret].map(text => new URLSearchParams([['', text]]).toString().slice(1))
  return `Basic ${btoa(encoded.join(':'))}`
}
