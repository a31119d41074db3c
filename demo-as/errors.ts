import { errors } from 'oidc-provider'

/** Something that this server depends on does not answer: 503, so that nobody takes it for a refusal and starts over. */
export class TemporarilyUnavailable extends errors.OIDCProviderError {
  /** @param detail - For the log. */
  constructor(description: string, detail?: string) {
    super(503, 'temporarily_unavailable')
    this.error_description = description
    this.error_detail = detail
    // oidc-provider would make a server_error without a word of everything above 499.
    this.expose = true
  }
}
