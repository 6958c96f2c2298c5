/** Each property of the construct: what becomes of it in the template. */

import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as cdk from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import {
  AutoScalingMetric,
  CfnExpressService,
  ExpressService,
  ExpressServiceProps,
  ExpressServiceProvider,
  LifecycleStage,
  Preset,
  Sharing,
  ThresholdType,
} from '../lib';
import { FOLDER, only, properties, stack, stackInAccount } from './setting';

const IMAGE = ecs.ContainerImage.fromRegistry('public.ecr.aws/nginx/nginx:1.29');
const ROLE = 'arn:aws:iam::123456789012:role/given';
const SMOKE_TEST = 'arn:aws:lambda:us-east-1:123456789012:function:smoke';

/** What one property does: with what it is given, and what the resource's properties then have. */
interface Case {
  readonly given: (stack: cdk.Stack) => Partial<ExpressServiceProps>;
  readonly expected: Record<string, unknown>;
}

const vpcOf = (of: cdk.Stack) =>
  ec2.Vpc.fromVpcAttributes(of, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['us-east-1a', 'us-east-1b'],
    publicSubnetIds: ['subnet-00000001', 'subnet-00000002'],
    privateSubnetIds: ['subnet-00000003', 'subnet-00000004'],
  });
const roleOf = (of: cdk.Stack) => iam.Role.fromRoleArn(of, 'Role', ROLE);

const CASES: Record<keyof ExpressServiceProps, Case> = {
  image: { given: () => ({}), expected: { PrimaryContainer: { Image: 'public.ecr.aws/nginx/nginx:1.29' } } },
  taskDefinition: {
    given: (of) => ({ image: undefined, taskDefinition: taskDefinition(of) }),
    expected: {
      TaskDefinitionArn: { Ref: Match.stringLikeRegexp('^Own') },
      PrimaryContainer: Match.absent(),
      ExecutionRoleArn: Match.absent(),
      TaskRoleArn: Match.absent(),
    },
  },
  provider: {
    given: (of) => ({ provider: ExpressServiceProvider.fromServiceToken(of, 'Provider', 'arn:token') }),
    expected: { ServiceToken: 'arn:token' },
  },
  serviceName: { given: () => ({ serviceName: 'web' }), expected: { ServiceName: 'web' } },
  cluster: {
    given: (of) => ({
      cluster: ecs.Cluster.fromClusterAttributes(of, 'Cluster', { clusterName: 'prod', vpc: vpcOf(of) }),
    }),
    expected: {
      Cluster: 'prod',
      NetworkConfiguration: { Subnets: ['subnet-00000003', 'subnet-00000004'] },
    },
  },
  vpc: {
    given: (of) => ({ vpc: vpcOf(of) }),
    expected: {
      NetworkConfiguration: {
        Subnets: ['subnet-00000003', 'subnet-00000004'],
        SecurityGroups: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^WebSecurityGroup'), 'GroupId'] }],
      },
      LoadBalancer: { Scheme: 'internet-facing' },
    },
  },
  vpcSubnets: {
    given: (of) => ({ vpc: vpcOf(of), vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } }),
    expected: { NetworkConfiguration: { Subnets: ['subnet-00000001', 'subnet-00000002'] } },
  },
  securityGroups: {
    given: (of) => ({ securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(of, 'Group', 'sg-01234567')] }),
    expected: { NetworkConfiguration: { SecurityGroups: ['sg-01234567'], Subnets: Match.absent() } },
  },
  publicLoadBalancer: {
    given: (of) => ({ vpc: vpcOf(of), publicLoadBalancer: false }),
    expected: { LoadBalancer: { Scheme: 'internal', Sharing: Match.absent() } },
  },
  sharing: {
    given: () => ({ sharing: Sharing.DEDICATED }),
    expected: { LoadBalancer: { Sharing: 'DEDICATED', Scheme: Match.absent() } },
  },
  containerPort: { given: () => ({ containerPort: 8080 }), expected: { PrimaryContainer: { ContainerPort: 8080 } } },
  healthCheckPath: { given: () => ({ healthCheckPath: '/up' }), expected: { HealthCheckPath: '/up' } },
  command: { given: () => ({ command: ['serve', ''] }), expected: { PrimaryContainer: { Command: ['serve', ''] } } },
  environment: {
    given: () => ({ environment: { LEVEL: 'info', EMPTY: '' } }),
    expected: {
      PrimaryContainer: {
        Environment: [
          { Name: 'LEVEL', Value: 'info' },
          { Name: 'EMPTY', Value: '' },
        ],
      },
    },
  },
  secrets: {
    given: (of) => ({
      secrets: {
        PASSWORD: ecs.Secret.fromSecretsManager(new secretsmanager.Secret(of, 'Database'), 'password'),
        KEY: ecs.Secret.fromSsmParameter(
          ssm.StringParameter.fromSecureStringParameterAttributes(of, 'Key', { parameterName: '/web/key' }),
        ),
      },
    }),
    expected: {
      PrimaryContainer: {
        Secrets: [
          { Name: 'PASSWORD', ValueFrom: { 'Fn::Join': ['', [{ Ref: Match.anyValue() }, ':password::']] } },
          { Name: 'KEY', ValueFrom: Match.anyValue() },
        ],
      },
    },
  },
  cpu: { given: () => ({ cpu: 512 }), expected: { Cpu: 512 } },
  memory: { given: () => ({ memory: cdk.Size.gibibytes(4) }), expected: { Memory: 4096 } },
  cpuArchitecture: {
    given: () => ({ cpuArchitecture: ecs.CpuArchitecture.ARM64 }),
    expected: { CpuArchitecture: 'ARM64' },
  },
  scaling: {
    given: () => ({
      scaling: {
        minTaskCount: 2,
        maxTaskCount: 10,
        autoScalingMetric: AutoScalingMetric.REQUEST_COUNT_PER_TARGET,
        autoScalingTargetValue: 1000,
      },
    }),
    expected: {
      ScalingTarget: {
        MinTaskCount: 2,
        MaxTaskCount: 10,
        AutoScalingMetric: 'REQUEST_COUNT_PER_TARGET',
        AutoScalingTargetValue: 1000,
      },
    },
  },
  executionRole: { given: (of) => ({ executionRole: roleOf(of) }), expected: { ExecutionRoleArn: ROLE } },
  infrastructureRole: { given: (of) => ({ infrastructureRole: roleOf(of) }), expected: { InfrastructureRoleArn: ROLE } },
  taskRole: { given: (of) => ({ taskRole: roleOf(of) }), expected: { TaskRoleArn: ROLE } },
  logGroup: {
    given: (of) => ({ logGroup: logs.LogGroup.fromLogGroupName(of, 'Logs', '/web') }),
    expected: { PrimaryContainer: { AwsLogsConfiguration: { LogGroup: '/web', LogStreamPrefix: Match.absent() } } },
  },
  logStreamPrefix: {
    given: (of) => ({ logGroup: logs.LogGroup.fromLogGroupName(of, 'Logs', '/web'), logStreamPrefix: 'web' }),
    expected: { PrimaryContainer: { AwsLogsConfiguration: { LogStreamPrefix: 'web' } } },
  },
  deployment: {
    given: (of) => ({
      deployment: {
        preset: Preset.PRODUCTION,
        strategy: ecs.DeploymentStrategy.CANARY,
        bakeTime: cdk.Duration.minutes(5),
        canary: { percent: 12.5, bakeTime: cdk.Duration.minutes(10) },
        circuitBreaker: { enable: true, thresholdType: ThresholdType.COUNT, threshold: 2 },
        rollbackAlarm: {
          errorRatePercent: 0.5,
          minimumRequests: 100,
          countClientErrors: true,
          evaluationPeriods: 5,
          datapointsToAlarm: 3,
        },
        alarms: [cloudwatch.Alarm.fromAlarmName(of, 'Latency', 'web-latency')],
        testTraffic: { headerName: 'X-Test', headerValue: 'new' },
        lifecycleHooks: [
          {
            handler: lambda.Function.fromFunctionArn(of, 'Smoke', SMOKE_TEST),
            role: roleOf(of),
            lifecycleStages: [LifecycleStage.POST_SCALE_UP],
            hookDetails: { attempts: 3, limit: new cdk.CfnParameter(of, 'Limit', { type: 'Number' }).valueAsNumber },
          },
        ],
        forceDeployment: '2026-11-21',
      },
    }),
    expected: {
      Deployment: {
        Preset: 'PRODUCTION',
        Strategy: 'CANARY',
        BakeTimeInMinutes: 5,
        CanaryConfiguration: { CanaryPercent: 12.5, CanaryBakeTimeInMinutes: 10 },
        CircuitBreaker: { Enable: true, ThresholdConfiguration: { Type: 'COUNT', Value: 2 } },
        RollbackAlarm: {
          ErrorRatePercent: 0.5,
          MinimumRequests: 100,
          Count4xx: true,
          EvaluationPeriods: 5,
          DatapointsToAlarm: 3,
        },
        AlarmNames: Match.anyValue(),
        TestTraffic: { HeaderName: 'X-Test', HeaderValue: 'new' },
        LifecycleHooks: [
          {
            HookTargetArn: SMOKE_TEST,
            RoleArn: ROLE,
            LifecycleStages: ['POST_SCALE_UP'],
            HookDetails: { 'Fn::Join': ['', ['{"attempts":3,"limit":', { Ref: 'Limit' }, '}']] },
          },
        ],
        ForceDeployment: '2026-11-21',
      },
    },
  },
  serviceTimeout: { given: () => ({ serviceTimeout: cdk.Duration.minutes(30) }), expected: { ServiceTimeout: 1800 } },
};

for (const [name, { given, expected }] of Object.entries(CASES)) {
  test(`${name} reaches the template`, () => {
    const of = stack();
    new ExpressService(of, 'Web', { image: IMAGE, ...given(of) });
    Template.fromStack(of).hasResourceProperties('Custom::ExpressService', expected);
  });
}

test('a linear deployment has its steps, and those that take too long are refused', () => {
  const of = stack();
  const steps = (minutes: number) => ({
    strategy: ecs.DeploymentStrategy.LINEAR,
    linear: { percent: 10, bakeTime: cdk.Duration.minutes(minutes) },
  });
  new ExpressService(of, 'Web', { image: IMAGE, deployment: steps(1) });
  assert.deepEqual(properties(of).Deployment, {
    Strategy: 'LINEAR',
    LinearConfiguration: { StepPercent: 10, StepBakeTimeInMinutes: 1 },
  });
  const slow = () => new ExpressService(stack(), 'Web', { image: IMAGE, deployment: steps(6) });
  assert.throws(slow, /\/Deployment: the bakes are too long: `3600` seconds are too few: 9 × 6 \+ 3 minutes/);
});

test('a time or size that is no whole number of its unit is named', () => {
  const refusal = (props: Partial<ExpressServiceProps>) => () => new ExpressService(stack(), 'Web', { image: IMAGE, ...props });
  const halfAMinute = cdk.Duration.seconds(30);
  assert.throws(refusal({ deployment: { bakeTime: halfAMinute } }), /Web: `deployment.bakeTime`: '30 seconds' cannot be converted/);
  assert.throws(refusal({ deployment: { linear: { bakeTime: halfAMinute } } }), /Web: `deployment.linear.bakeTime`: '30 seconds'/);
  assert.throws(refusal({ serviceTimeout: cdk.Duration.millis(1) }), /Web: `serviceTimeout`: '1 millis'/);
  assert.throws(refusal({ memory: cdk.Size.kibibytes(1) }), /Web: `memory`: '1 kibibytes'/);
});

test('an execution role of one\'s own may write to the log group', () => {
  const of = stack();
  const executionRole = new iam.Role(of, 'Execution', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
  new ExpressService(of, 'Web', { image: IMAGE, executionRole, logGroup: new logs.LogGroup(of, 'Logs') });
  const [, policy] = only(of, 'AWS::IAM::Policy');
  assert.match(policy.Properties.Roles[0].Ref, /^Execution/);
  assert.deepEqual(policy.Properties.PolicyDocument.Statement[0].Action, ['logs:CreateLogStream', 'logs:PutLogEvents']);
});

test('bakes that only the deployment knows are taken', () => {
  const of = stack();
  const bakeTimeInMinutes = new cdk.CfnParameter(of, 'Bake', { type: 'Number' }).valueAsNumber;
  const rest = { serviceToken: 'arn:token', infrastructureRoleArn: ROLE, executionRoleArn: ROLE, serviceTimeout: 900 };
  const primaryContainer = { image: 'web:1' };
  new CfnExpressService(of, 'Web', { ...rest, primaryContainer, deployment: { bakeTimeInMinutes } });
  assert.deepEqual(properties(of).Deployment, { BakeTimeInMinutes: { Ref: 'Bake' } });
});

test('a lifecycle hook without a role gets one that may call it', () => {
  const of = stack();
  const handler = new lambda.Function(of, 'Smoke', {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => ({ hookStatus: "SUCCEEDED" })'),
  });
  const hook = (stage: LifecycleStage) => ({ handler, lifecycleStages: [stage] });
  const lifecycleHooks = [hook(LifecycleStage.PRE_SCALE_UP), hook(LifecycleStage.POST_SCALE_UP)];
  new ExpressService(of, 'Web', { image: IMAGE, deployment: { lifecycleHooks } });
  const [first, second] = properties(of).Deployment.LifecycleHooks;
  assert.deepEqual(first.RoleArn, second.RoleArn);
  Template.fromStack(of).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: 'lambda:InvokeFunction' })]) },
  });
});

test('every property of the interface has a case', () => {
  const assembly = JSON.parse(fs.readFileSync(path.join(FOLDER, '.jsii'), 'utf8'));
  const members = assembly.types['custom-express-service.ExpressServiceProps'].properties.map(({ name }: any) => name);
  assert.deepEqual(members.sort(), Object.keys(CASES).sort());
});

function taskDefinition(of: cdk.Stack): ecs.FargateTaskDefinition {
  const definition = new ecs.FargateTaskDefinition(of, 'Own');
  definition.addContainer('Main', { image: IMAGE, portMappings: [{ containerPort: 80, name: 'main' }] });
  return definition;
}

test('three inputs are enough, and nothing is given that the provider has a default for', () => {
  const of = stack();
  new ExpressService(of, 'Web', { image: IMAGE });
  assert.deepEqual(Object.keys(properties(of)).sort(), [
    'ExecutionRoleArn',
    'InfrastructureRoleArn',
    'PrimaryContainer',
    'ServiceToken',
    'TaskRoleArn',
  ]);
  assert.deepEqual(properties(of).ServiceToken, { 'Fn::ImportValue': 'express-service-token' });
});

test('roles are made with the managed policies, for whom assumes them', () => {
  const of = stack();
  new ExpressService(of, 'Web', { image: IMAGE });
  const role = (principal: string, policy: string) =>
    Template.fromStack(of).hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [Match.objectLike({ Principal: { Service: principal } })],
      }),
      ManagedPolicyArns: [{ 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp(`policy/${policy}$`)])] }],
    });
  role('ecs-tasks.amazonaws.com', 'service-role/AmazonECSTaskExecutionRolePolicy');
  role('ecs.amazonaws.com', 'AmazonECSInfrastructureRolePolicyForLoadBalancers');
});

test('the service comes after its roles and their policies, and goes before them', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', {
    image: IMAGE,
    secrets: { A: ecs.Secret.fromSecretsManager(new secretsmanager.Secret(of, 'Secret')) },
  });
  new s3.Bucket(of, 'Bucket').grantRead(service);
  const [, resource] = only(of, 'Custom::ExpressService');
  for (const id of ['WebExecutionRole', 'WebInfrastructureRole', 'WebTaskRole']) {
    assert.ok(resource.DependsOn.some((name: string) => name.startsWith(id)), id);
  }
  for (const id of ['WebExecutionRoleDefaultPolicy', 'WebTaskRoleDefaultPolicy']) {
    assert.ok(resource.DependsOn.some((name: string) => name.startsWith(id)), id);
  }
});

test('secrets may be read by the execution role and by nobody else', () => {
  const of = stack();
  new ExpressService(of, 'Web', {
    image: IMAGE,
    secrets: { A: ecs.Secret.fromSecretsManager(new secretsmanager.Secret(of, 'Secret')) },
  });
  const [, policy] = only(of, 'AWS::IAM::Policy');
  assert.match(policy.Properties.Roles[0].Ref, /^WebExecutionRole/);
  assert.deepEqual(policy.Properties.PolicyDocument.Statement[0].Action, [
    'secretsmanager:GetSecretValue',
    'secretsmanager:DescribeSecret',
  ]);
});

test('what is granted to the service is granted to the application', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  new s3.Bucket(of, 'Bucket').grantRead(service);
  const [, policy] = only(of, 'AWS::IAM::Policy');
  assert.match(policy.Properties.Roles[0].Ref, /^WebTaskRole/);
});

test('with a task definition of one\'s own, its role is the application\'s', () => {
  const of = stack();
  const own = taskDefinition(of);
  const service = new ExpressService(of, 'Web', { taskDefinition: own });
  assert.equal(service.taskRole, own.taskRole);
  assert.equal(service.executionRole, undefined);
});

test('an image of ECR is pulled by the execution role', () => {
  const of = stack();
  const repository = new ecr.Repository(of, 'Repository');
  new ExpressService(of, 'Web', { image: ecs.ContainerImage.fromEcrRepository(repository, '1') });
  const [, policy] = only(of, 'AWS::IAM::Policy');
  assert.match(policy.Properties.Roles[0].Ref, /^WebExecutionRole/);
  assert.ok(JSON.stringify(policy).includes('ecr:BatchGetImage'));
});

test('an image may be built from a folder', () => {
  const of = stack();
  const image = ecs.ContainerImage.fromAsset(path.join(FOLDER, 'test', 'image'));
  new ExpressService(of, 'Web', { image });
  assert.match(properties(of).PrimaryContainer.Image['Fn::Sub'], /container-assets/);
});

test('credentials of a registry are passed on', () => {
  const of = stack();
  const credentials = new secretsmanager.Secret(of, 'Registry');
  new ExpressService(of, 'Web', { image: ecs.ContainerImage.fromRegistry('registry.example/web:1', { credentials }) });
  const { CredentialsParameter } = properties(of).PrimaryContainer.RepositoryCredentials;
  assert.match(CredentialsParameter.Ref, /^Registry/);
});

test('tags of the app are the service\'s', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  cdk.Tags.of(service).add('team', 'web');
  assert.deepEqual(properties(of).Tags, [{ Key: 'team', Value: 'web' }]);
});

test('a tag that the provider would refuse is refused', () => {
  const of = stack();
  new ExpressService(of, 'Web', { image: IMAGE });
  cdk.Tags.of(of).add('express:owner', 'me');
  assert.throws(() => Template.fromStack(of), /`express:owner` has a prefix that is reserved for the provider/);
});

test('a tag has letters, digits and separators of any script, and no marks', () => {
  const tagged = (text: string) => () => {
    const of = stack();
    cdk.Tags.of(new ExpressService(of, 'Web', { image: IMAGE })).add(text, text);
    return properties(of).Tags;
  };
  // The second has an ideographic space and a full-width digit.
  for (const text of ['Überprüfung', '部署\u3000２']) {
    assert.deepEqual(tagged(text)(), [{ Key: text, Value: text }]);
  }
  // Vowel signs of Thai and Hindi, a combining diaeresis, and a letter that is a symbol by its category.
  for (const text of ['สวัสดี', 'किताब', 'U\u0308ber', 'Ⓐ']) {
    const problem = `\`${text}\` may contain only letters, digits, spaces and`;
    assert.throws(tagged(text), ({ message }: Error) => ['Key', 'Value'].every((name) => message.includes(`/${name}: ${problem}`)));
  }
});

test('whoever is allowed to be reached is so before the service exists', () => {
  const of = stack();
  const vpc = vpcOf(of);
  const database = new ec2.SecurityGroup(of, 'Database', { vpc });
  const service = new ExpressService(of, 'Web', { image: IMAGE, vpc, containerPort: 8080 });
  service.connections.allowTo(database, ec2.Port.tcp(5432));
  service.connections.allowDefaultPortFrom(database);
  const rules = Object.values(Template.fromStack(of).findResources('AWS::EC2::SecurityGroupIngress'));
  assert.deepEqual(rules.map(({ Properties: { FromPort } }: any) => FromPort).sort(), [5432, 8080]);
  assert.ok(!JSON.stringify(rules).includes('ServiceSecurityGroupId'));
});

test('without a network, connections are about the group that the provider makes', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  service.connections.allowFromAnyIpv4(ec2.Port.tcp(80));
  const [, rule] = only(of, 'AWS::EC2::SecurityGroupIngress');
  assert.equal(rule.Properties.GroupId['Fn::GetAtt'][1], 'ServiceSecurityGroupId');
});

test('a VPC of the stack is there before the service', () => {
  const of = stack();
  new ExpressService(of, 'Web', { image: IMAGE, vpc: new ec2.Vpc(of, 'Vpc') });
  const [, resource] = only(of, 'Custom::ExpressService');
  for (const kind of ['PublicSubnet1DefaultRoute', 'PublicSubnet1RouteTableAssociation', 'PrivateSubnet2DefaultRoute']) {
    assert.ok(resource.DependsOn.some((name: string) => name.startsWith(`Vpc${kind}`)), kind);
  }
});

test('a VPC without public subnets gets an internal load balancer', () => {
  const of = stack();
  const subnetConfiguration = [{ name: 'private', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }];
  const vpc = new ec2.Vpc(of, 'Vpc', { natGateways: 0, subnetConfiguration });
  new ExpressService(of, 'Web', { image: IMAGE, vpc });
  assert.deepEqual(properties(of).LoadBalancer, { Scheme: 'internal' });
});

test('a cluster that does not know its VPC counts as one without', () => {
  const of = stack();
  const arn = 'arn:aws:ecs:us-east-1:123456789012:cluster/prod';
  const service = new ExpressService(of, 'Web', { image: IMAGE, cluster: ecs.Cluster.fromClusterArn(of, 'Cluster', arn) });
  const { Cluster, NetworkConfiguration, LoadBalancer } = properties(of);
  assert.deepEqual([Cluster, NetworkConfiguration, LoadBalancer], ['prod', undefined, undefined]);
  Template.fromStack(of).resourceCountIs('AWS::EC2::SecurityGroup', 0);
  assert.equal(service.metricCpuUtilization().dimensions!.ClusterName, 'prod');
});

test('the VPC of a cluster that does not know it may be given', () => {
  const of = stack();
  const arn = 'arn:aws:ecs:us-east-1:123456789012:cluster/prod';
  new ExpressService(of, 'Web', { image: IMAGE, cluster: ecs.Cluster.fromClusterArn(of, 'Cluster', arn), vpc: vpcOf(of) });
  assert.deepEqual(properties(of).NetworkConfiguration.Subnets, ['subnet-00000003', 'subnet-00000004']);
});

test('attributes are the resource\'s', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  const [id] = only(of, 'Custom::ExpressService');
  const attribute = (name: string) => ({ 'Fn::GetAtt': [id, name] });
  assert.deepEqual(of.resolve(service.serviceArn), { Ref: id });
  assert.deepEqual(of.resolve(service.serviceName), { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: id }] }] });
  assert.deepEqual(of.resolve(service.endpoint), attribute('Endpoint'));
  assert.deepEqual(of.resolve(service.loadBalancerArn), attribute('LoadBalancerArn'));
  assert.deepEqual(of.resolve(service.loadBalancerDnsName), attribute('LoadBalancerDnsName'));
  assert.deepEqual(of.resolve(service.loadBalancerHostedZoneId), attribute('LoadBalancerHostedZoneId'));
  assert.deepEqual(of.resolve(service.taskDefinitionArn), attribute('TaskDefinitionArn'));
  assert.deepEqual(of.resolve(service.logGroupName), attribute('LogGroupName'));
});

test('metrics of ECS name cluster and service', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  const { namespace, metricName, dimensions } = service.metricCpuUtilization();
  assert.deepEqual([namespace, metricName], ['AWS/ECS', 'CPUUtilization']);
  assert.equal(dimensions!.ClusterName, 'default');
  assert.deepEqual(of.resolve(dimensions!.ServiceName), of.resolve(service.serviceName));
  assert.equal(service.metricMemoryUtilization().metricName, 'MemoryUtilization');
});

test('metrics of the load balancer are those of both target groups', () => {
  const of = stack();
  const service = new ExpressService(of, 'Web', { image: IMAGE });
  const requests = service.metricRequestCount({ period: cdk.Duration.minutes(1) });
  assert.equal(requests.expression, 'FILL(metric0, 0) + FILL(metric1, 0)');
  const metrics = Object.values(requests.usingMetrics) as any[];
  assert.deepEqual(metrics.map(({ metricName, statistic }) => [metricName, statistic]), [
    ['RequestCount', 'Sum'],
    ['RequestCount', 'Sum'],
  ]);
  const groups = metrics.map(({ dimensions }) => JSON.stringify(of.resolve(dimensions.TargetGroup)));
  assert.notEqual(groups[0], groups[1]);
  const errors = service.metricHttpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT);
  assert.equal((Object.values(errors.usingMetrics)[0] as any).metricName, 'HTTPCode_Target_5XX_Count');
  assert.equal(Object.keys(service.metricTargetResponseTime().usingMetrics).length, 4);
  service.metricRequestCount().createAlarm(of, 'Alarm', { threshold: 1, evaluationPeriods: 1 });
  Template.fromStack(of).resourceCountIs('AWS::CloudWatch::Alarm', 1);
});

test('what contradicts itself is refused', () => {
  const refused = (props: (of: cdk.Stack) => ExpressServiceProps, message: RegExp) =>
    assert.throws(() => {
      const of = stackInAccount();
      new ExpressService(of, 'Web', props(of));
    }, message);
  refused(() => ({}), /Test\/Web: `image` is required unless `taskDefinition` is given/);
  refused(
    (of) => ({ taskDefinition: taskDefinition(of), image: IMAGE, cpu: 256 }),
    /`image`, `cpu` cannot be given with `taskDefinition`/,
  );
  refused(() => ({ image: IMAGE, logStreamPrefix: 'web' }), /`logStreamPrefix` needs `logGroup`/);
  refused(() => ({ image: IMAGE, vpcSubnets: {} }), /`vpcSubnets` needs `vpc`, or a `cluster` that has one/);
  refused(
    () => ({ image: IMAGE, cpu: 2048, memory: cdk.Size.gibibytes(3), serviceName: 'a b' }),
    /\/ServiceName: `a b` is not the name of a service[^]*memory `3072` is not allowed with cpu `2048`, expected 4096 to 16384/,
  );
  refused(() => ({ image: IMAGE, containerPort: 1.5 }), /\/PrimaryContainer\/ContainerPort: `1.5` is not a whole number/);
  refused(
    (of) => ({ image: IMAGE, taskRole: iam.Role.fromRoleArn(of, 'Role', 'arn:aws:iam::999999999999:role/x') }),
    /is a role of another account/,
  );
});

test('what only the deployment knows is taken', () => {
  const of = stack();
  const parameter = (id: string, type = 'String') => new cdk.CfnParameter(of, id, { type });
  new ExpressService(of, 'Web', {
    image: ecs.ContainerImage.fromRegistry(parameter('Image').valueAsString),
    cpu: parameter('Cpu', 'Number').valueAsNumber,
    memory: cdk.Size.mebibytes(512),
    serviceName: parameter('Name').valueAsString,
    containerPort: cdk.Lazy.number({ produce: () => 8080 }),
    command: parameter('Command', 'CommaDelimitedList').valueAsList,
  });
  const { Cpu, Memory, ServiceName, PrimaryContainer } = properties(of);
  assert.deepEqual([Cpu, Memory, ServiceName], [{ Ref: 'Cpu' }, 512, { Ref: 'Name' }]);
  assert.deepEqual(PrimaryContainer, { Image: { Ref: 'Image' }, ContainerPort: 8080, Command: { Ref: 'Command' } });
});

test('what becomes known only at the end is checked then', () => {
  const of = stack();
  new ExpressService(of, 'Web', { image: IMAGE, containerPort: cdk.Lazy.number({ produce: () => 65536 }) });
  assert.throws(() => Template.fromStack(of), /`65536` is not a whole number from 1 to 65535/);
});
