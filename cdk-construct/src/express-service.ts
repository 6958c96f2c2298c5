import * as cdk from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { CfnExpressService, Scheme } from './cfn-express-service.generated';
import { ExpressServiceDeployment, ExpressServiceProps } from './express-service-props';
import { ExpressServiceProvider } from './express-service-provider';
import { ServiceMetrics } from './service-metrics';

/** What an execution and an infrastructure role are made of. */
const EXECUTION_ROLE = { principal: 'ecs-tasks.amazonaws.com', policy: 'service-role/AmazonECSTaskExecutionRolePolicy' };
const INFRASTRUCTURE_ROLE = {
  principal: 'ecs.amazonaws.com',
  policy: 'AmazonECSInfrastructureRolePolicyForLoadBalancers',
};
/** Construct id of the role with which ECS calls lifecycle hooks. */
const HOOK_ROLE = 'HookRole';
const CONTAINER_PORT = 80;
/** Of `arn:…:service/<cluster>/<service>`, split at slashes. */
const SERVICE_NAME_PART = 2;
/** What describes a task that the provider defines. */
const OF_THE_TASK = [
  'image',
  'containerPort',
  'command',
  'environment',
  'secrets',
  'cpu',
  'memory',
  'cpuArchitecture',
  'executionRole',
  'taskRole',
  'logGroup',
  'logStreamPrefix',
] as const;

/**
 * An HTTPS service on ECS Fargate, from a container image: behind a load balancer that it may share, with auto scaling,
 * logs, and deployments that ECS rolls back when they fail.
 *
 * @resource Custom::ExpressService
 */
export class ExpressService extends cdk.Resource implements iam.IGrantable, ec2.IConnectable {
  /**
   * ARN of the ECS service.
   *
   * @attribute
   */
  public readonly serviceArn: string;

  /**
   * Name of the ECS service.
   *
   * @attribute
   */
  public readonly serviceName: string;

  /**
   * URL of the service, with `https://`.
   *
   * @attribute
   */
  public readonly endpoint: string;

  /**
   * ARN of the load balancer. Other services may be behind it, unless `sharing` is `Sharing.DEDICATED`.
   *
   * @attribute
   */
  public readonly loadBalancerArn: string;

  /**
   * DNS name of the load balancer, for records of your own.
   *
   * @attribute
   */
  public readonly loadBalancerDnsName: string;

  /**
   * Hosted zone of `loadBalancerDnsName`, for alias records.
   *
   * @attribute
   */
  public readonly loadBalancerHostedZoneId: string;

  /**
   * ARN of the task definition that runs, with its revision.
   *
   * @attribute
   */
  public readonly taskDefinitionArn: string;

  /**
   * Log group of the container; `none` if a task definition of your own has no awslogs.
   *
   * @attribute
   */
  public readonly logGroupName: string;

  /**
   * Network connections of the tasks.
   *
   * With `vpc`, a `cluster` that has one, or `securityGroups` these are about a security group that exists before the
   * service does, so that rules need not wait for the service. Otherwise they are about the group that the provider
   * makes, and rules come after the service.
   */
  public readonly connections: ec2.Connections;

  /**
   * Role that ECS assumes to pull the image; undefined with a task definition of your own.
   */
  public readonly executionRole?: iam.IRole;

  /**
   * Role that ECS assumes to shift traffic.
   */
  public readonly infrastructureRole: iam.IRole;

  private readonly givenTaskRole?: iam.IRole;
  private readonly taskDefinition?: ecs.ITaskDefinition;
  private readonly metrics: ServiceMetrics;

  constructor(scope: Construct, id: string, props: ExpressServiceProps) {
    super(scope, id, { physicalName: props.serviceName });
    this.checkTask(props);
    const { cluster } = props;
    const provider = props.provider ?? ExpressServiceProvider.fromExport(this, 'Provider');
    const vpc = props.vpc ?? (cluster && vpcOf(cluster));
    const network = this.network(vpc, props);
    this.taskDefinition = props.taskDefinition;
    this.infrastructureRole = props.infrastructureRole ?? this.role('InfrastructureRole', INFRASTRUCTURE_ROLE);
    if (props.taskDefinition === undefined) {
      this.executionRole = props.executionRole ?? this.role('ExecutionRole', EXECUTION_ROLE);
      this.givenTaskRole = props.taskRole ?? this.role('TaskRole', { principal: EXECUTION_ROLE.principal });
    }

    const resource = new CfnExpressService(this, 'Resource', {
      serviceToken: provider.serviceToken,
      serviceTimeout: this.whole('serviceTimeout', () => props.serviceTimeout?.toSeconds()),
      serviceName: props.serviceName,
      cluster: cluster?.clusterName,
      infrastructureRoleArn: this.infrastructureRole.roleArn,
      executionRoleArn: this.executionRole?.roleArn,
      taskRoleArn: this.givenTaskRole?.roleArn,
      primaryContainer: this.container(props),
      taskDefinitionArn: props.taskDefinition?.taskDefinitionArn,
      cpu: props.cpu,
      memory: this.whole('memory', () => props.memory?.toMebibytes()),
      cpuArchitecture: props.cpuArchitecture?._cpuArchitecture,
      healthCheckPath: props.healthCheckPath,
      networkConfiguration: network.configuration,
      scalingTarget: props.scaling,
      loadBalancer: loadBalancer(vpc, props),
      deployment: props.deployment && this.deployment(props.deployment),
    });
    // What the service runs with has to be there before it and as long as it: the roles with their policies, the routes
    // by which images are pulled and subnets are told to be public, and the provider.
    const hookRoles = [this.node.tryFindChild(HOOK_ROLE), ...(props.deployment?.lifecycleHooks ?? []).map(({ role }) => role)];
    const roles = [this.executionRole, this.infrastructureRole, this.givenTaskRole, ...hookRoles].filter(
      (role) => role !== undefined,
    );
    resource.node.addDependency(provider, ...roles, ...network.dependencies);

    this.serviceArn = resource.ref;
    this.serviceName = cdk.Fn.select(SERVICE_NAME_PART, cdk.Fn.split('/', resource.ref));
    this.endpoint = resource.attrEndpoint;
    this.loadBalancerArn = resource.attrLoadBalancerArn;
    this.loadBalancerDnsName = resource.attrLoadBalancerDnsName;
    this.loadBalancerHostedZoneId = resource.attrLoadBalancerHostedZoneId;
    this.taskDefinitionArn = resource.attrTaskDefinitionArn;
    this.logGroupName = resource.attrLogGroupName;
    const madeByProvider = () => [
      ec2.SecurityGroup.fromSecurityGroupId(this, 'ServiceSecurityGroup', resource.attrServiceSecurityGroupId),
    ];
    this.connections = new ec2.Connections({
      securityGroups: network.securityGroups ?? madeByProvider(),
      defaultPort: props.taskDefinition === undefined ? ec2.Port.tcp(props.containerPort ?? CONTAINER_PORT) : undefined,
    });
    this.metrics = new ServiceMetrics({
      scope: this,
      clusterName: cluster?.clusterName ?? 'default',
      serviceName: this.serviceName,
      loadBalancerArn: this.loadBalancerArn,
      targetGroupArns: resource.attrEcsManagedResourceArnsIngressPathTargetGroupArns,
    });
  }

  /**
   * Role whose permissions the application itself has.
   */
  public get taskRole(): iam.IRole {
    return this.givenTaskRole ?? this.taskDefinition!.taskRole;
  }

  /**
   * The application, as whom `grant…` methods allow something.
   */
  public get grantPrincipal(): iam.IPrincipal {
    return this.taskRole.grantPrincipal;
  }

  /**
   * A metric of the ECS service, in the namespace `AWS/ECS`; the average over five minutes.
   */
  public metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.ofService(metricName, props);
  }

  /**
   * Percent of the tasks' CPU that is used.
   */
  public metricCpuUtilization(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('CPUUtilization', props);
  }

  /**
   * Percent of the tasks' memory that is used.
   */
  public metricMemoryUtilization(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('MemoryUtilization', props);
  }

  /**
   * Requests to the service, of both target groups together: which of them takes the traffic alternates.
   */
  public metricRequestCount(props?: cloudwatch.MathExpressionOptions): cloudwatch.MathExpression {
    return this.metrics.sumOfTargetGroups('RequestCount', 'Requests', props);
  }

  /**
   * Answers of the tasks with a class of status codes, of both target groups together.
   */
  public metricHttpCodeTarget(
    code: elbv2.HttpCodeTarget,
    props?: cloudwatch.MathExpressionOptions,
  ): cloudwatch.MathExpression {
    return this.metrics.sumOfTargetGroups(code, code, props);
  }

  /**
   * Seconds until a task answered, on average over all requests of both target groups.
   */
  public metricTargetResponseTime(props?: cloudwatch.MathExpressionOptions): cloudwatch.MathExpression {
    return this.metrics.responseTime(props);
  }

  private checkTask(props: ExpressServiceProps): void {
    if (props.taskDefinition === undefined && props.image === undefined) {
      throw new Error(`${this.node.path}: \`image\` is required unless \`taskDefinition\` is given`);
    }
    if (props.taskDefinition !== undefined) {
      const names = OF_THE_TASK.filter((name) => props[name] !== undefined).map((name) => `\`${name}\``);
      if (names.length > 0) {
        throw new Error(`${this.node.path}: ${names.join(', ')} cannot be given with \`taskDefinition\``);
      }
    }
    if (props.logStreamPrefix !== undefined && props.logGroup === undefined) {
      throw new Error(`${this.node.path}: \`logStreamPrefix\` needs \`logGroup\``);
    }
  }

  private role(id: string, { principal, policy }: { principal: string; policy?: string }): iam.Role {
    return new iam.Role(this, id, {
      assumedBy: new iam.ServicePrincipal(principal),
      managedPolicies: policy === undefined ? [] : [iam.ManagedPolicy.fromAwsManagedPolicyName(policy)],
    });
  }

  /** One role for all hooks that have none. */
  private hookRole(handler: lambda.IFunction): iam.IRole {
    const role = (this.node.tryFindChild(HOOK_ROLE) as iam.Role | undefined) ?? this.role(HOOK_ROLE, { principal: 'ecs.amazonaws.com' });
    handler.grantInvoke(role);
    return role;
  }

  /** A time or size in the unit of the template; an error about it says which it is. */
  private whole(name: string, convert: () => number | undefined): number | undefined {
    try {
      return convert();
    } catch (error) {
      throw new Error(`${this.node.path}: \`${name}\`: ${error instanceof Error ? error.message : error}`);
    }
  }

  private deployment(given: ExpressServiceDeployment): CfnExpressService.DeploymentProperty {
    const { bakeTime, canary, linear, circuitBreaker, rollbackAlarm, alarms, lifecycleHooks, ...rest } = given;
    const { countClientErrors, ...alarm } = rollbackAlarm ?? {};
    const { threshold, thresholdType } = circuitBreaker ?? {};
    const isThresholdGiven = threshold !== undefined || thresholdType !== undefined;
    const minutes = (name: string, time?: cdk.Duration) => this.whole(`deployment.${name}`, () => time?.toMinutes());
    return {
      ...rest,
      bakeTimeInMinutes: minutes('bakeTime', bakeTime),
      canaryConfiguration: canary && {
        canaryPercent: canary.percent,
        canaryBakeTimeInMinutes: minutes('canary.bakeTime', canary.bakeTime),
      },
      linearConfiguration: linear && {
        stepPercent: linear.percent,
        stepBakeTimeInMinutes: minutes('linear.bakeTime', linear.bakeTime),
      },
      circuitBreaker: circuitBreaker && {
        enable: circuitBreaker.enable,
        thresholdConfiguration: isThresholdGiven ? { type: thresholdType, value: threshold } : undefined,
      },
      rollbackAlarm: rollbackAlarm && { ...alarm, count4xx: countClientErrors },
      alarmNames: alarms?.map(({ alarmName }) => alarmName),
      lifecycleHooks: lifecycleHooks?.map(({ handler, role, lifecycleStages, hookDetails }) => ({
        hookTargetArn: handler.functionArn,
        roleArn: (role ?? this.hookRole(handler)).roleArn,
        lifecycleStages,
        // Numbers that are known only when the stack is deployed would not survive JSON.stringify.
        hookDetails: hookDetails && cdk.Stack.of(this).toJsonString(hookDetails),
      })),
    };
  }

  private container(props: ExpressServiceProps): CfnExpressService.PrimaryContainerProperty | undefined {
    const { executionRole } = this;
    if (props.image === undefined || executionRole === undefined) {
      return undefined;
    }
    // An image asks its container definition for one thing, the role that pulls it. Here the provider makes the
    // definition, so there is only the role.
    const containerDefinition = { taskDefinition: { obtainExecutionRole: () => executionRole } };
    const image = props.image.bind(this, containerDefinition as unknown as ecs.ContainerDefinition);
    const credentialsParameter = image.repositoryCredentials?.credentialsParameter;
    const secrets = Object.entries(props.secrets ?? {});
    secrets.forEach(([, secret]) => secret.grantRead(executionRole));
    // A role of our own may write to every log group.
    if (props.executionRole !== undefined) {
      props.logGroup?.grantWrite(executionRole);
    }
    return {
      image: image.imageName,
      repositoryCredentials: credentialsParameter === undefined ? undefined : { credentialsParameter },
      containerPort: props.containerPort,
      command: props.command,
      environment: list(Object.entries(props.environment ?? {}).map(([name, value]) => ({ name, value }))),
      secrets: list(secrets.map(([name, secret]) => ({ name, valueFrom: secret.arn }))),
      awsLogsConfiguration: props.logGroup && {
        logGroup: props.logGroup.logGroupName,
        logStreamPrefix: props.logStreamPrefix,
      },
    };
  }

  private network(vpc: ec2.IVpc | undefined, props: ExpressServiceProps): Network {
    if (vpc === undefined) {
      if (props.vpcSubnets !== undefined) {
        throw new Error(`${this.node.path}: \`vpcSubnets\` needs \`vpc\`, or a \`cluster\` that has one`);
      }
      const { securityGroups } = props;
      return { configuration: groupsOnly(securityGroups), securityGroups, dependencies: [] };
    }
    const securityGroups = props.securityGroups ?? [
      new ec2.SecurityGroup(this, 'SecurityGroup', { vpc, description: `Tasks of ${this.node.path}` }),
    ];
    const { subnets, subnetIds } = vpc.selectSubnets(props.vpcSubnets);
    return {
      configuration: { ...groupsOnly(securityGroups), subnets: subnetIds },
      securityGroups,
      dependencies: [...subnets, ...vpc.publicSubnets],
    };
  }
}

interface Network {
  readonly configuration?: CfnExpressService.NetworkConfigurationProperty;
  readonly securityGroups?: ec2.ISecurityGroup[];
  readonly dependencies: ec2.ISubnet[];
}

/** The VPC of a cluster, if the app knows it. */
function vpcOf(cluster: ecs.ICluster): ec2.IVpc | undefined {
  try {
    return cluster.vpc;
  } catch {
    // An ARN says nothing of a VPC, so a cluster of `Cluster.fromClusterArn` throws, and it cannot be asked before.
    return undefined;
  }
}

function groupsOnly(groups: ec2.ISecurityGroup[] | undefined): CfnExpressService.NetworkConfigurationProperty | undefined {
  return groups && { securityGroups: groups.map((group) => group.securityGroupId) };
}

function loadBalancer(
  vpc: ec2.IVpc | undefined,
  { publicLoadBalancer, sharing }: ExpressServiceProps,
): CfnExpressService.LoadBalancerProperty | undefined {
  const isPublic = publicLoadBalancer ?? (vpc && vpc.publicSubnets.length > 0);
  if (isPublic === undefined && sharing === undefined) {
    return undefined;
  }
  const scheme = isPublic ? Scheme.INTERNET_FACING : Scheme.INTERNAL;
  return { sharing, scheme: isPublic === undefined ? undefined : scheme };
}

/** No list in place of an empty one. */
function list<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined;
}
