/** Whole stacks, as a user would write them; they are compared with their snapshots and looked at by cdk-nag. */

import * as path from 'node:path';
import * as cdk from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { AutoScalingMetric, ExpressService, ExpressServiceProvider, Sharing } from '../lib';
import { FOLDER } from './setting';

const image = ecs.ContainerImage.fromRegistry('public.ecr.aws/nginx/nginx:1.29');

/** A finding of cdk-nag that is as it should be, and why. */
export interface Acknowledgement {
  readonly id: string;
  readonly reason: string;
}

export interface Sample {
  readonly build: (stack: cdk.Stack) => void;
  readonly acknowledged: readonly Acknowledgement[];
}

const MANAGED_POLICIES: Acknowledgement[] = [
  {
    id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy]',
    reason: 'AWS keeps this policy for the one purpose that the role has',
  },
  {
    id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers]',
    reason: 'AWS keeps this policy for the one purpose that the role has',
  },
];

const wildcards = (reason: string, ...resources: string[]): Acknowledgement[] =>
  resources.map((resource) => ({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason }));
const IN_ACCOUNT = '<AWS::Region>:<AWS::AccountId>';

/** Beside each permission, the provider's template says for what it is and what limits it. */
const OF_THE_PROVIDER: Acknowledgement[] = [
  { id: 'AwsSolutions-SQS3', reason: 'the queue is itself where undeliverable events go; an alarm watches it' },
  { id: 'AwsSolutions-SQS4', reason: "no policy lets anybody send but the function's role, for which Lambda uses TLS" },
  { id: 'AwsSolutions-SF1', reason: 'errors are logged; that a wait goes on is not worth an entry' },
  { id: 'AwsSolutions-SF2', reason: 'an execution is a loop around one function' },
  ...wildcards('AWS has no resources for these actions; the template says so beside each', '*'),
  ...wildcards(
    'the load balancers, groups, rules and alarms of services are made later, under this prefix',
    `arn:<AWS::Partition>:elasticloadbalancing:${IN_ACCOUNT}:loadbalancer/app/express-*/*`,
    `arn:<AWS::Partition>:elasticloadbalancing:${IN_ACCOUNT}:listener/app/express-*/*`,
    `arn:<AWS::Partition>:elasticloadbalancing:${IN_ACCOUNT}:listener-rule/app/express-*/*`,
    `arn:<AWS::Partition>:elasticloadbalancing:${IN_ACCOUNT}:targetgroup/express-*/*`,
    `arn:<AWS::Partition>:cloudwatch:${IN_ACCOUNT}:alarm:express-*`,
  ),
  ...wildcards(
    "services have names of their users' choosing; conditions on the provider's tags limit these actions",
    `arn:<AWS::Partition>:ec2:${IN_ACCOUNT}:security-group/*`,
    `arn:<AWS::Partition>:ec2:${IN_ACCOUNT}:security-group-rule/*`,
    'arn:<AWS::Partition>:ec2:<AWS::Region>:*:vpc/*',
    `arn:<AWS::Partition>:ecs:${IN_ACCOUNT}:service/*`,
    `arn:<AWS::Partition>:ecs:${IN_ACCOUNT}:task-definition/*`,
    `arn:<AWS::Partition>:ecs:${IN_ACCOUNT}:service-deployment/*`,
    `arn:<AWS::Partition>:ecs:${IN_ACCOUNT}:*`,
    `arn:<AWS::Partition>:logs:${IN_ACCOUNT}:log-group:*`,
    `arn:<AWS::Partition>:cloudwatch:${IN_ACCOUNT}:alarm:*`,
    `arn:<AWS::Partition>:application-autoscaling:${IN_ACCOUNT}:scalable-target/*`,
    'arn:<AWS::Partition>:iam::<AWS::AccountId>:role/aws-service-role/*',
  ),
  ...wildcards(
    'what is read is how far a change of a record has got; Route 53 gives it its id, and it is of no zone',
    'arn:<AWS::Partition>:route53:::change/*',
  ),
];

export const SAMPLES: Record<string, Sample> = {
  'three-inputs': {
    build: (stack) => {
      const web = new ExpressService(stack, 'Web', { image });
      new cdk.CfnOutput(stack, 'Endpoint', { value: web.endpoint });
    },
    acknowledged: MANAGED_POLICIES,
  },
  'everything': {
    build: (stack) => {
      const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
        vpcId: 'vpc-0123456789abcdef0',
        availabilityZones: ['us-east-1a', 'us-east-1b'],
        publicSubnetIds: ['subnet-00000001', 'subnet-00000002'],
        privateSubnetIds: ['subnet-00000003', 'subnet-00000004'],
      });
      const cluster = new ecs.Cluster(stack, 'Cluster', { vpc, containerInsightsV2: ecs.ContainerInsights.ENABLED });
      const database = secretsmanager.Secret.fromSecretNameV2(stack, 'Database', 'database');
      const web = new ExpressService(stack, 'Web', {
        image,
        cluster,
        serviceName: 'web',
        containerPort: 8080,
        healthCheckPath: '/health',
        cpu: 512,
        memory: cdk.Size.gibibytes(1),
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        environment: { LEVEL: 'info' },
        secrets: { DATABASE_URL: ecs.Secret.fromSecretsManager(database, 'url') },
        logGroup: new logs.LogGroup(stack, 'Logs', { retention: logs.RetentionDays.ONE_MONTH }),
        scaling: { minTaskCount: 2, autoScalingMetric: AutoScalingMetric.REQUEST_COUNT_PER_TARGET, autoScalingTargetValue: 1000 },
        sharing: Sharing.DEDICATED,
        serviceTimeout: cdk.Duration.minutes(30),
      });
      web.metricTargetResponseTime().createAlarm(stack, 'Slow', { threshold: 1, evaluationPeriods: 3 });
      cdk.Tags.of(web).add('team', 'web');
    },
    acknowledged: MANAGED_POLICIES,
  },
  'provider': {
    build: (stack) => {
      const hostedZone = route53.PublicHostedZone.fromPublicHostedZoneAttributes(stack, 'Zone', {
        hostedZoneId: 'Z0123456789',
        zoneName: 'example.com',
      });
      new ExpressServiceProvider(stack, 'Provider', {
        code: lambda.Code.fromAsset(path.join(FOLDER, 'test', 'function')),
        domainName: 'apps.example.com',
        hostedZone,
      });
    },
    acknowledged: OF_THE_PROVIDER,
  },
};
