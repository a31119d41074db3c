import { z } from 'zod'
import { gatewayResource, RESOURCE_NAME, RESOURCES } from '../app/gateway/gateway-file.ts'
import { publishedDeclarationSchema } from './declaration-descriptions.ts'

const { properties } = z.toJSONSchema(gatewayResource, { io: 'input', unrepresentable: 'any' })
const { properties: ofDeclaration = {}, required = [] } = publishedDeclarationSchema
const { $schema, resource, ...members } = ofDeclaration

/** The schema of the file of a gateway as it is published: each resource is a declaration, and what is behind it. */
export const publishedGatewaySchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Configuration of idplug gateway',
  type: 'object',
  additionalProperties: false,
  required: ['resources'],
  properties: {
    $schema: $schema,
    resources: {
      description: RESOURCES,
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: RESOURCE_NAME.source },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required,
        oneOf: [{ required: ['to'] }, { required: ['run'] }],
        properties: {
          ...properties,
          resource: {
            ...resource,
            description: 'URL at which clients reach this server, or a path below PUBLIC_URL. Default: /NAME/mcp.',
          },
          ...members,
        },
      },
    },
  },
}
