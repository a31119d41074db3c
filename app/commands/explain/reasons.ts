import type { RefusalReason } from 'idplug'

/** A reason in words. */
export interface Meaning {
  readonly means: string
  readonly cure: string
}

/** Kinds without those of adapters, which bring their own words. */
type Kind = Exclude<RefusalReason['kind'], `${string}.${string}`>

const NEW_TOKEN = 'Have the client get a new token.'

/** What each reason means and what ends it. An adapter's own reason carries both itself. */
const MEANINGS: Readonly<Record<Kind, Meaning>> = {
  no_credentials: {
    means: 'The request carried no access token. Every client begins so: the answer tells it where to sign in.',
    cure: 'None, unless the client does not go on: then run idplug doctor with the URL of the server.',
  },
  host_not_served: {
    means:
      'The request was addressed to a host that this server does not serve, as in an attack by DNS rebinding; or (400) to several.',
    cure: 'If the host is yours, add its URL to PUBLIC_URL, or the host to ALLOWED_HOSTS. A proxy in front may have changed the Host header.',
  },
  origin_not_served: {
    means: 'A web page of another origin called the server.',
    cure: 'If the page is one of yours, add its origin to ALLOWED_ORIGINS.',
  },
  body_refused: {
    means:
      'The body of the request cannot be read, or not in one way: it is too large, is not JSON, is compressed, or (forward auth) has a key twice.',
    cure: 'Have the client send one JSON-RPC message as application/json. BODY_LIMIT_BYTES sets the largest size.',
  },
  authorization_malformed: {
    means: 'The Authorization header is not "Bearer" and one token.',
    cure: 'Correct the header; a copied token often brings a space or a line break along.',
  },
  token_in_query: {
    means: 'The token stood in the URL, where it ends up in logs.',
    cure: 'Send it in the Authorization header, and count this one as leaked.',
  },
  several_credentials: {
    means: 'The request carried more than one credential.',
    cure: 'Send one Authorization header. A proxy in front may add a second one.',
  },
  token_malformed: {
    means: 'The token is not what its form says.',
    cure: 'Copy the whole token, without line breaks.',
  },
  token_encrypted: {
    means: 'The token is encrypted (JWE), and only its issuer can read it.',
    cure: 'Have the provider issue signed tokens for this server; usually the request named no API.',
  },
  token_opaque: {
    means: 'The token is no JWT, and this server verifies tokens by key.',
    cure: 'Have the provider issue JWTs for this server, or introspect its tokens (AUTH_PROVIDER=introspection).',
  },
  header_unsupported: {
    means: 'The header of the token holds a parameter that is never accepted.',
    cure: 'None at this server: such a parameter changes what the signature or the payload means (crit, b64, zip).',
  },
  algorithm_refused: {
    means: 'The token is signed with an algorithm that is not accepted.',
    cure: 'Change the signing algorithm of the API at the provider to one that is expected.',
  },
  type_mismatch: {
    means: 'The token is of another type than an access token.',
    cure: 'Have the client send the access token, not the ID token or another one.',
  },
  key_unknown: {
    means: 'The token is signed with a key that the provider does not publish.',
    cure: 'Look whether the token comes from this provider and tenant; if the key was just rotated, try again.',
  },
  key_mismatch: {
    means: 'The key that the token names does not fit its signature algorithm.',
    cure: "Look whether the provider's key set is in order: idplug doctor.",
  },
  signature_invalid: {
    means: 'The signature is not the one of the provider: the token was changed, cut, or forged.',
    cure: 'Copy the whole token. If it is whole, find out who made it.',
  },
  issuer_mismatch: {
    means: 'The token was issued by somebody else than the provider that is configured.',
    cure: 'Sign in at the configured provider, or configure the issuer that the token names. A slash counts.',
  },
  issuer_unknown: {
    means: 'None of the configured providers issued the token.',
    cure: 'Add its provider to AUTH_PROVIDER, if it is yours.',
  },
  audience_missing: {
    means: 'The token does not say whom it is for.',
    cure: 'Have the provider put the URL of the MCP endpoint into aud.',
  },
  audience_mismatch: {
    means: 'The token is for another server.',
    cure: 'Have clients request a token for this server (resource), and the provider put its URL into aud.',
  },
  client_refused: {
    means: 'The token was issued to a client that is not on the list.',
    cure: 'Add the client id to the list of clients in the configuration, if it is yours.',
  },
  subject_missing: {
    means: 'The token does not say who it belongs to.',
    cure: 'Have the provider include the subject. AUTH_PROVIDER=introspection and oidc have settings for providers that do not: docs/providers/introspection.md, "Tokens without a subject".',
  },
  person_not_allowed: {
    means: 'The token is good, but no rule of allow means the person whom it belongs to.',
    cure: 'Add the person, or a group or domain of theirs, to allow of the provider (AUTH0_ALLOW and the like), or have them sign in with another account. If a rule should mean them, the token may lack the claim that the rule goes by.',
  },
  claim_missing: { means: 'The token lacks a claim that it must carry.', cure: 'Have the provider add the claim.' },
  claim_invalid: {
    means: 'A claim of the token does not have the form that it must have.',
    cure: 'Look at rules at the provider that write this claim.',
  },
  expired: {
    means: 'The token has expired.',
    cure: `${NEW_TOKEN} If it is fresh, the clock of this machine is wrong.`,
  },
  not_yet_valid: {
    means: 'The token is not valid yet.',
    cure: 'Set the clock of this machine (NTP), or raise CLOCK_TOLERANCE_SECONDS a little.',
  },
  issued_in_future: {
    means:
      'The token was issued in the future, by the clock of this machine: it is behind, or the clock of the provider is ahead.',
    cure: 'Set the clock of this machine (NTP): idplug doctor compares the two.',
  },
  inactive: {
    means: 'The provider says that the token is not active: expired, revoked, unknown, or not for this client to see.',
    cure: `${NEW_TOKEN} If it is fresh, look whether it comes from the server that is asked.`,
  },
  id_token: {
    means: 'This is an ID token: it tells a client who signed in, and is no permission to call a server.',
    cure: 'Have the client send the access token of the same response.',
  },
  maybe_id_token: {
    means: 'Nothing tells this token from an ID token: its only audience is the client that it was issued to.',
    cure: 'Have the client request a token for this server, and send the access token of the response.',
  },
  sender_constrained: {
    means: 'The token is bound to a key, and was sent as if it were not.',
    cure: 'Have the client send a DPoP proof (and DPOP not be off), or turn DPoP or mutual TLS off for it at the provider.',
  },
  not_sender_constrained: {
    means: 'The token is a plain bearer token, where one that is bound to a key is expected.',
    cure: 'Have the client request its token with a DPoP proof, or set DPOP=optional.',
  },
  proof_key_mismatch: {
    means: 'The DPoP proof was made with another key than the one that the token is bound to.',
    cure: 'Have the client use one key for the token request and the call. If it does, the token was stolen.',
  },
  proof_missing: {
    means: 'The token was sent as DPoP, without a proof.',
    cure: 'Have the client send the DPoP header.',
  },
  proof_malformed: {
    means: 'The DPoP header holds no proof that can be verified.',
    cure: 'Have the client send one JWT of type dpop+jwt, signed by the public key in its header.',
  },
  proof_mismatch: {
    means: 'The DPoP proof was made for another method, URL or token.',
    cure: 'If it is htu, set PUBLIC_URL to the address that clients use. Otherwise have the client make a proof for each call.',
  },
  proof_stale: {
    means: 'The DPoP proof is too old, or of the future.',
    cure: 'Set the clocks of both machines (NTP), and have the client make a proof for each call.',
  },
  proof_replayed: {
    means: 'The DPoP proof was used before.',
    cure: 'Have the client make a proof for each call, repeated ones too. If it does, somebody replays its requests.',
  },
  proof_nonce: {
    means: 'The DPoP proof lacks the nonce of this server, or has an old one.',
    cure: 'Nothing, where the client tries again at once. Otherwise it knows no nonces: unset DPOP_NONCE_SECRET.',
  },
  too_many_proofs: {
    means: 'More DPoP proofs were used within a minute or two than this process can remember.',
    cure: 'Look who sends so many requests, or run more processes.',
  },
  proof_memory_unreachable: {
    means: 'Redis, where used DPoP proofs are remembered, does not answer.',
    cure: 'See to the store: npx idplug store check. A proof that is not remembered could be used twice, so none is taken meanwhile.',
  },
  scope_missing: {
    means: 'The token is good, and the operation needs more scopes.',
    cure: 'Have the client ask for the scopes of the challenge; if it did, grant them to the user or the client.',
  },
  provider_unreachable: { means: 'The provider could not be reached.', cure: 'Check DNS, firewall and HTTPS_PROXY.' },
  provider_timeout: {
    means: 'The provider did not answer in time.',
    cure: 'Try again; PROVIDER_TIMEOUT_SECONDS is how long is waited.',
  },
  provider_throttled: {
    means: 'The provider wants to be asked less.',
    cure: 'Wait. A longer TOKEN_CACHE_SECONDS asks less.',
  },
  provider_failing: {
    means: 'The provider has trouble of its own.',
    cure: "Look at the provider's status page. If it is our own authorization server, its log says why, such as store_unreachable.",
  },
  provider_answer_unusable: {
    means: 'The provider answered with something that says nothing about the token.',
    cure: 'Look whether a proxy stands in between, and run idplug doctor.',
  },
  too_many_unknown_tokens: {
    means: 'Too many tokens were waiting to be checked.',
    cure: 'Look who sends so many different tokens; the provider is slow, or somebody guesses.',
  },
  tenant_not_known_yet: {
    means:
      'The code of this server that looks up tenants failed, so that nobody can say yet whether the issuer is one of them.',
    cure: 'Look at what that code asks: a database, most likely. Tokens are not affected; clients try again.',
  },
  tenant_mismatch: {
    means: 'The code of this server that looks up tenants returned a provider that does not issue for this issuer.',
    cure: 'Return the provider whose issuer is the one that was asked for, or undefined.',
  },
  tenant_misconfigured: {
    means: 'The code of this server that looks up tenants returned a provider whose options are wrong.',
    cure: 'Correct the options of this tenant; the detail names them.',
  },
  keys_too_old: {
    means: 'The keys could not be renewed for so long that they are not used any more.',
    cure: 'Let this machine reach the key set of the provider again.',
  },
  key_not_fetched: {
    means:
      'The key of the token is not known yet, and the keys were fetched so often just now that they are not fetched again at once.',
    cure: 'Try again after the time in Retry-After. If it goes on, look who sends tokens with made-up key ids.',
  },
  own_credentials_refused: {
    means: "The provider refuses this server's own credentials.",
    cure: 'Set client id and secret anew, and run idplug doctor.',
  },
  metadata_mismatch: {
    means: "The provider's metadata is not what the settings say.",
    cure: 'Correct the issuer or the metadata URL, and run idplug doctor.',
  },
  metadata_moved: {
    means: "The provider's metadata has moved to another URL, and redirects are not followed.",
    cure: 'Set the metadata URL to the place that the log names, if that is your provider.',
  },
  metadata_incomplete: {
    means: "The provider's metadata lacks a member that is needed.",
    cure: 'Configure the authorization server that has it, and run idplug doctor.',
  },
  answer_unsupported: {
    means: 'An endpoint of the provider answers in a form that this server does not read.',
    cure: 'Have the provider answer in plain JSON, and run idplug doctor.',
  },
  endpoint_refused_request: {
    means: 'An endpoint of the provider refused the request of this server.',
    cure: 'Check the metadata URL and the settings, and run idplug doctor.',
  },
}

/** @param facts - What the reason says beside its kind; an adapter's own holds `detail` and `cure`. */
export function meaningOf(kind: string, facts: Readonly<Record<string, unknown>>): Meaning {
  const known = Object.hasOwn(MEANINGS, kind) ? MEANINGS[kind as Kind] : undefined
  const { detail, cure } = facts
  if (known) return { means: known.means, cure: typeof cure === 'string' ? cure : known.cure }
  if (kind === 'request_accepted') return { means: 'The request was accepted.', cure: 'None.' }
  if (kind === 'request_failed') return { means: 'A bug ended the request.', cure: 'Report the error in the log line.' }
  return {
    means: typeof detail === 'string' ? detail : 'A reason that this version does not know.',
    cure: typeof cure === 'string' ? cure : 'Look at the documentation of the adapter.',
  }
}
