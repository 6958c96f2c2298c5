/** The installed provider: the template of the project, with its parameters filled in. */

import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import * as cdk from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as cfn_inc from 'aws-cdk-lib/cloudformation-include';
import { ExpressService, ExpressServiceProvider, ExpressServiceProviderProps } from '../lib';
import { FOLDER, ROOT, stack } from './setting';

const code = () => lambda.Code.fromAsset(path.join(FOLDER, 'test', 'function'));
const CERTIFICATE = 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d';

function provider(of: cdk.Stack, props: Partial<ExpressServiceProviderProps> = {}): ExpressServiceProvider {
  const certificate = acm.Certificate.fromCertificateArn(of, 'Certificate', CERTIFICATE);
  return new ExpressServiceProvider(of, 'Provider', { code: code(), domainName: 'apps.example.com', certificate, ...props });
}

/** The function's variables, permissions and the like as they are in the template. */
function handler(of: cdk.Stack): any {
  const [found] = Object.values(Template.fromStack(of).findResources('AWS::Serverless::Function'));
  return found;
}

test('every resource of the template is there, with all of its properties', () => {
  const of = stack();
  provider(of, {
    certificate: undefined,
    hostedZone: new route53.PublicHostedZone(of, 'Zone', { zoneName: 'example.com' }),
    permissionsBoundary: iam.ManagedPolicy.fromAwsManagedPolicyName('PowerUserAccess'),
  });
  const included = stack();
  new cfn_inc.CfnInclude(included, 'Provider', { templateFile: path.join(ROOT, 'templates', 'provider.yaml') });
  const shapes = (template: any) =>
    Object.values<any>(template.Resources)
      .map(({ Type, Properties = {} }) => `${Type}: ${Object.keys(Properties).sort().join(' ')}`)
      .filter((shape) => !shape.startsWith('AWS::Route53::HostedZone'))
      .sort();
  assert.deepEqual(shapes(Template.fromStack(of).toJSON()), shapes(Template.fromStack(included).toJSON()));
});

test('no parameter, no rule and no condition is left', () => {
  const of = stack();
  provider(of, { hostedZone: new route53.PublicHostedZone(of, 'Zone', { zoneName: 'example.com' }) });
  const { Parameters, Rules, Conditions, Resources } = Template.fromStack(of).toJSON();
  assert.deepEqual(Object.keys(Parameters), ['BootstrapVersion']);
  // The CDK's own rule is about the bootstrap stack.
  assert.deepEqual(Object.keys(Rules), ['CheckBootstrapVersion']);
  assert.equal(Conditions, undefined);
  assert.ok(!JSON.stringify(Resources).includes('Fn::If'));
});

test('what a given certificate makes superfluous is left out', () => {
  const of = stack();
  provider(of);
  Template.fromStack(of).resourceCountIs('AWS::CertificateManager::Certificate', 0);
  assert.ok(!('EXPRESS_HOSTED_ZONE_ID' in handler(of).Properties.Environment.Variables));
});

test('properties reach the function', () => {
  const of = stack();
  const zone = route53.PublicHostedZone.fromHostedZoneAttributes(of, 'Zone', {
    hostedZoneId: 'Z0123456789',
    zoneName: 'example.com',
  });
  provider(of, { hostedZone: zone, architecture: lambda.Architecture.X86_64 });
  const { Properties, Metadata } = handler(of);
  const { Variables } = Properties.Environment;
  assert.equal(Variables.EXPRESS_DOMAIN_NAME, 'apps.example.com');
  assert.equal(Variables.EXPRESS_HOSTED_ZONE_ID, 'Z0123456789');
  assert.equal(Variables.EXPRESS_CERTIFICATE_ARN, CERTIFICATE);
  assert.deepEqual(Properties.Architectures, ['x86_64']);
  assert.ok(Properties.CodeUri.Bucket);
  assert.ok(Properties.CodeUri.Key);
  assert.equal(Metadata, undefined);
});

test('a package in S3 is found by its version, which is any text', () => {
  const location = (version?: (of: cdk.Stack) => string) => {
    const of = stack();
    const packages = s3.Bucket.fromBucketName(of, 'Packages', 'packages');
    provider(of, { code: lambda.Code.fromBucket(packages, 'express.zip', version?.(of)) });
    return handler(of).Properties.CodeUri;
  };
  const unversioned = { Bucket: 'packages', Key: 'express.zip' };
  assert.deepEqual(location(), unversioned);
  const Version = 'L4kqtJlcpXroDTDmpUMLUo';
  assert.deepEqual(location(() => Version), { ...unversioned, Version });
  const given = (of: cdk.Stack) => new cdk.CfnParameter(of, 'PackageVersion').valueAsString;
  assert.deepEqual(location(given), { ...unversioned, Version: { Ref: 'PackageVersion' } });
});

test('roles are bounded and passable as asked', () => {
  const of = stack();
  const boundary = 'arn:aws:iam::123456789012:policy/boundary';
  provider(of, {
    permissionsBoundary: iam.ManagedPolicy.fromManagedPolicyArn(of, 'Boundary', boundary),
    passableRoles: ['arn:aws:iam::123456789012:role/express/*'],
    logRetention: logs.RetentionDays.ONE_WEEK,
  });
  const template = Template.fromStack(of);
  for (const role of Object.values<any>(template.findResources('AWS::IAM::Role'))) {
    assert.equal(role.Properties.PermissionsBoundary, boundary);
  }
  assert.ok(JSON.stringify(template.toJSON()).includes('role/express/*'));
  template.resourceCountIs('AWS::Logs::LogGroup', 2);
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
});

test('a zone or a certificate is needed', () => {
  const make = () => provider(stack(), { certificate: undefined });
  assert.throws(make, /Test\/Provider: give `hostedZone`, or `certificate`, or both/);
});

test('a service of the same app uses it and goes before it', () => {
  const of = stack();
  const image = ecs.ContainerImage.fromRegistry('web:1');
  new ExpressService(of, 'Web', { image, provider: provider(of) });
  Template.fromStack(of).hasResource('Custom::ExpressService', {
    Properties: { ServiceToken: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ProviderFunction'), 'Arn'] } },
    DependsOn: Match.arrayWith([Match.stringLikeRegexp('^ProviderGuard')]),
  });
});

test('one that is installed is referred to by its export', () => {
  const of = stack();
  assert.deepEqual(of.resolve(ExpressServiceProvider.fromExport(of, 'A').serviceToken), {
    'Fn::ImportValue': 'express-service-token',
  });
  assert.deepEqual(of.resolve(ExpressServiceProvider.fromExport(of, 'B', 'other').serviceToken), {
    'Fn::ImportValue': 'other',
  });
});
