/**
 * The names: a hosted zone, who may issue certificates for it, and the roles of the two controllers
 * that write to it: external-dns makes the records of the Ingress, cert-manager proves the domain.
 */
import { aws_route53 as route53, Fn, RemovalPolicy, type App } from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import { makePodRole, type Cluster } from './cluster.ts'
import { stackName } from './names.ts'
import { giveRights } from './policies.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

export function createDns(app: App, settings: Settings, cluster: Cluster): void {
  const stack = makeStack(app, stackName(settings, 'dns'), settings, 'Hosted zone')
  const zone = new route53.PublicHostedZone(stack, 'Zone', { zoneName: settings.zoneName })
  // Another zone has other name servers, which the registrar would have to be told.
  zone.applyRemovalPolicy(RemovalPolicy.RETAIN)
  new route53.CaaRecord(stack, 'Issuers', {
    zone,
    values: [
      { flag: 0, tag: route53.CaaTag.ISSUE, value: 'letsencrypt.org' },
      { flag: 0, tag: route53.CaaTag.ISSUEWILD, value: ';' },
    ],
  })
  const certificates = makePodRole(stack, 'CertManagerRole', cluster.name, {
    namespace: 'cert-manager',
    serviceAccount: 'cert-manager',
    description: 'cert-manager: the TXT records that prove a domain',
  })
  const certificateRights = giveRights(stack, 'CertManagerRights', certificates, [
    {
      actions: ['route53:ChangeResourceRecordSets'],
      resources: [zone.hostedZoneArn],
      conditions: {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
        },
        'ForAllValues:StringLike': {
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.*'],
        },
      },
    },
    { actions: ['route53:ListResourceRecordSets'], resources: [zone.hostedZoneArn] },
    { actions: ['route53:GetChange'], resources: ['arn:aws:route53:::change/*'] },
    { actions: ['route53:ListHostedZonesByName'], resources: ['*'] },
  ])
  const records = makePodRole(stack, 'ExternalDnsRole', cluster.name, {
    namespace: 'external-dns',
    serviceAccount: 'external-dns',
    description: 'external-dns: the records of one zone',
  })
  const recordRights = giveRights(stack, 'ExternalDnsRights', records, [
    {
      actions: [
        'route53:ChangeResourceRecordSets',
        'route53:ListResourceRecordSets',
        'route53:ListTagsForResources',
      ],
      resources: [zone.hostedZoneArn],
    },
    { actions: ['route53:ListHostedZones'], resources: ['*'] },
  ])
  acknowledge(certificateRights, {
    'AwsSolutions-IAM5[Resource::*]': 'route53:ListHostedZonesByName knows no resources.',
    'AwsSolutions-IAM5[Resource::arn:aws:route53:::change/*]':
      'Changes have names that Route 53 makes up; this reads their state.',
  })
  acknowledge(recordRights, {
    'AwsSolutions-IAM5[Resource::*]': 'route53:ListHostedZones knows no resources.',
  })
  makeOutputs(stack, {
    ApiName: `api.${settings.zoneName}`,
    ZoneId: zone.hostedZoneId,
    NameServers: Fn.join(',', zone.hostedZoneNameServers ?? []),
  })
}
