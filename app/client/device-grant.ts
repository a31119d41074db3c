import { OAuthError } from '@modelcontextprotocol/client'
import {
  allowInsecureRequests,
  ClientError,
  Configuration,
  customFetch,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  ResponseBodyError,
} from 'openid-client'
import { DiscoveryError } from './authorizer.ts'
import type { Grant } from './grants.ts'
import { assertSafeUrl } from './guarded-fetch.ts'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

export interface DeviceCode {
  readonly userCode: string
  readonly verificationUri: string
  /** With the code in it already. */
  readonly verificationUriComplete: string | undefined
  /** In seconds. */
  readonly expiresIn: number
}

/**
 * The device authorization grant (RFC 8628), for a machine without a browser: the person enters a code on another one.
 *
 * @param show - Tells the person where to go.
 */
export function deviceGrant(show: (code: DeviceCode) => void): Grant {
  return {
    grantTypes: [DEVICE_CODE, 'refresh_token'],
    async obtain(context) {
      const { dpop, fetch, issuer, metadata, resource, scope, server } = context
      if (!metadata || !('device_authorization_endpoint' in metadata)) {
        throw new DiscoveryError(`${issuer} has no device flow; sign in with a browser, or with --paste`)
      }
      if (dpop) throw new DiscoveryError('the device flow gives no tokens that are bound to a key (--dpop)')
      const { clientId, clientSecret } = await context.client()
      const configuration = new Configuration({ ...metadata, issuer } as never, clientId, clientSecret)
      configuration[customFetch] = (url, init) => fetch(url, init as RequestInit)
      // What may be called is for our own fetch to say.
      allowInsecureRequests(configuration)
      const parameters = { ...(scope && { scope }), ...(resource && { resource }) }
      try {
        const answer = await initiateDeviceAuthorization(configuration, parameters)
        for (const uri of [answer.verification_uri, answer.verification_uri_complete]) {
          if (uri !== undefined) assertSafeUrl(new URL(uri), server, 'the page for the code')
        }
        show({
          userCode: answer.user_code,
          verificationUri: answer.verification_uri,
          verificationUriComplete: answer.verification_uri_complete,
          expiresIn: answer.expires_in,
        })
        const extra = resource ? { resource } : undefined
        const tokens = await pollDeviceAuthorizationGrant(configuration, answer, extra)
        return { ...tokens, scope: tokens.scope }
      } catch (error) {
        if (error instanceof ResponseBodyError) throw new OAuthError(error.error, error.error_description ?? '')
        if (error instanceof ClientError && error.cause instanceof Error) throw error.cause
        throw error
      }
    },
  }
}
