//! The examples: what is changed in each, and what it must show.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use local_aws::LocalAws;
use local_aws::elbv2::{Answer, LoadBalancer, Scheme};
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::super::facts;
use super::super::stack::Seen;

/// The image that every example begins with.
pub const IMAGE: &str = "public.ecr.aws/nginx/nginx:1.27";
/// The image that comes into service with a change.
const NEXT_IMAGE: &str = "public.ecr.aws/nginx/nginx:1.28";

/// What must be true of an example's stack.
type Check = fn(&LocalAws, &Seen) -> anyhow::Result<()>;

/// An example.
#[derive(Debug)]
pub struct Case {
    /// Its file below `templates/`.
    pub template: &'static str,
    /// What is changed.
    pub change: Change,
    /// The outputs whose services are deployed anew by it.
    pub deploys: &'static [&'static str],
    /// What must be true when it is there.
    pub created: Check,
    /// What must be true after the change.
    pub updated: Check,
}

/// Another value of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Its name.
    pub parameter: &'static str,
    /// Its new value.
    pub value: &'static str,
}

const NEW_IMAGE: Change = Change {
    parameter: "Image",
    value: NEXT_IMAGE,
};

/// Every template that uses the provider.
pub const CASES: &[Case] = &[
    Case {
        template: "quickstart.yaml",
        change: NEW_IMAGE,
        deploys: &["Endpoint"],
        created: |account, seen| expect_image(account, seen, IMAGE),
        updated: |account, seen| expect_image(account, seen, NEXT_IMAGE),
    },
    Case {
        template: "waf.yaml",
        change: NEW_IMAGE,
        deploys: &["Endpoint"],
        created: has_web_acl,
        updated: has_web_acl,
    },
    Case {
        template: "all-properties.yaml",
        change: Change {
            parameter: "ForceDeployment",
            value: "again",
        },
        deploys: &["Endpoint"],
        created: has_secret,
        updated: has_secret,
    },
    Case {
        template: "examples/private-tasks.yaml",
        change: NEW_IMAGE,
        deploys: &["Endpoint"],
        created: |account, seen| is_reached_from(account, seen, Scheme::InternetFacing),
        updated: |account, seen| expect_image(account, seen, NEXT_IMAGE),
    },
    Case {
        template: "examples/private-service.yaml",
        change: Change {
            parameter: "HealthCheckPath",
            value: "/up",
        },
        deploys: &[],
        created: |account, seen| is_reached_from(account, seen, Scheme::Internal),
        updated: |account, seen| is_asked_for(account, seen, "/up"),
    },
    Case {
        template: "examples/own-network.yaml",
        change: NEW_IMAGE,
        deploys: &["Endpoint"],
        created: |account, seen| expect_image(account, seen, IMAGE),
        updated: |account, seen| expect_image(account, seen, NEXT_IMAGE),
    },
    Case {
        template: "examples/secrets.yaml",
        change: Change {
            parameter: "SecretsAsOf",
            value: "second",
        },
        deploys: &["Endpoint"],
        created: has_secret,
        updated: has_secret,
    },
    Case {
        template: "examples/scaling-by-requests.yaml",
        change: Change {
            parameter: "RequestsPerTask",
            value: "500",
        },
        deploys: &[],
        created: |account, seen| scales_at(account, seen, 1000.0),
        updated: |account, seen| scales_at(account, seen, 500.0),
    },
    Case {
        template: "examples/sharing.yaml",
        change: Change {
            parameter: "ApiImage",
            value: NEXT_IMAGE,
        },
        deploys: &["ApiEndpoint"],
        created: are_on_one_load_balancer,
        updated: are_on_one_load_balancer,
    },
    Case {
        template: "examples/from-express-mode.yaml",
        change: NEW_IMAGE,
        deploys: &["Endpoint"],
        created: |account, seen| expect_image(account, seen, IMAGE),
        updated: |account, seen| expect_image(account, seen, NEXT_IMAGE),
    },
];

/// Two subnets of the default VPC, in two zones, that no route leads out of.
///
/// # Errors
/// When one is refused.
pub fn private_subnets(account: &LocalAws) -> anyhow::Result<[String; 2]> {
    let vpc_id = {
        let cloud = account.cloud();
        let mut vpcs = cloud.ec2.vpcs.keys();
        vpcs.next().context("there is no VPC")?.clone()
    };
    let input = json!({"VpcId": vpc_id});
    let table = made(
        account,
        "CreateRouteTable",
        input,
        "/routeTable/routeTableId",
    )?;
    let subnet = |zone: &str, cidr: &str| {
        let input = json!({"VpcId": vpc_id, "AvailabilityZone": zone, "CidrBlock": cidr});
        let subnet = made(account, "CreateSubnet", input, "/subnet/subnetId")?;
        let input = json!({"RouteTableId": table, "SubnetId": subnet});
        made(account, "AssociateRouteTable", input, "/associationId")?;
        anyhow::Ok(subnet)
    };
    Ok([
        subnet("us-east-1a", "172.31.128.0/24")?,
        subnet("us-east-1b", "172.31.129.0/24")?,
    ])
}

/// Two subnets of the default VPC, in two zones, that reach the internet.
///
/// # Errors
/// When there are none.
pub fn public_subnets(account: &LocalAws) -> anyhow::Result<[String; 2]> {
    let cloud = account.cloud();
    let of_zone = |zone: &str| {
        let mut subnets = cloud.ec2.subnets.values();
        let found = subnets.find(|subnet| subnet.zone == zone);
        found
            .map(|subnet| subnet.id.clone())
            .with_context(|| format!("{zone} has no subnet"))
    };
    Ok([of_zone("us-east-1a")?, of_zone("us-east-1b")?])
}

/// The default security group of the default VPC.
///
/// # Errors
/// When there is none.
pub fn security_group(account: &LocalAws) -> anyhow::Result<String> {
    let cloud = account.cloud();
    let mut groups = cloud.ec2.security_groups.keys();
    groups.next().cloned().context("there is no security group")
}

fn made(
    account: &LocalAws,
    operation: &str,
    input: Value,
    pointer: &str,
) -> anyhow::Result<String> {
    let answer = asked(account, Service::Ec2, operation, input)?;
    let id = answer.pointer(pointer).and_then(Value::as_str);
    id.map(str::to_owned)
        .with_context(|| format!("{operation} answers no {pointer}"))
}

fn asked(
    account: &LocalAws,
    service: Service,
    operation: &str,
    input: Value,
) -> anyhow::Result<Value> {
    account
        .perform(service, operation, input)
        .map_err(|refusal| anyhow::anyhow!("{operation} was refused: {refusal:?}"))
}

/// The ARN of a stack's only service.
fn service_arn(seen: &Seen) -> anyhow::Result<&str> {
    let mut services = seen.physical_ids.values();
    services
        .next()
        .map(String::as_str)
        .context("the stack has no service")
}

fn answer(account: &LocalAws, seen: &Seen) -> anyhow::Result<Answer> {
    facts::answers(account, seen.output("Endpoint")?)
}

fn load_balancer(account: &LocalAws, seen: &Seen) -> anyhow::Result<LoadBalancer> {
    let arn = answer(account, seen)?.load_balancer_arn;
    let found = account.cloud().elbv2.load_balancers.get(&arn).cloned();
    found.with_context(|| format!("there is no load balancer `{arn}`"))
}

fn expect_image(account: &LocalAws, seen: &Seen, expected: &str) -> anyhow::Result<()> {
    let image = facts::image(account, service_arn(seen)?)?;
    ensure!(image == expected, "the service runs `{image}`");
    Ok(())
}

fn has_web_acl(account: &LocalAws, seen: &Seen) -> anyhow::Result<()> {
    let arn = load_balancer(account, seen)?.arn;
    ensure!(
        account.cloud().wafv2.associations.contains_key(&arn),
        "the load balancer `{arn}` has no web ACL"
    );
    Ok(())
}

fn is_reached_from(account: &LocalAws, seen: &Seen, expected: Scheme) -> anyhow::Result<()> {
    let scheme = load_balancer(account, seen)?.scheme;
    ensure!(scheme == expected, "the load balancer is {scheme:?}");
    Ok(())
}

fn is_asked_for(account: &LocalAws, seen: &Seen, expected: &str) -> anyhow::Result<()> {
    let groups = answer(account, seen)?.groups;
    let arns: Vec<_> = groups.into_iter().map(|group| group.arn).collect();
    let input = json!({"TargetGroupArns": arns});
    let service = Service::ElasticLoadBalancing;
    let answer = asked(account, service, "DescribeTargetGroups", input)?;
    let groups = answer.pointer("/TargetGroups").and_then(Value::as_array);
    let paths: BTreeSet<_> = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.get("HealthCheckPath")?.as_str())
        .collect();
    ensure!(
        paths == BTreeSet::from([expected]),
        "the target groups ask for {paths:?}"
    );
    Ok(())
}

/// The service `Web` reads a secret, and its container may do something else than ECS.
fn has_secret(account: &LocalAws, seen: &Seen) -> anyhow::Result<()> {
    let definition = facts::task_definition(account, seen.physical_id("Web")?)?;
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    let (name, from) = (
        text("/containerDefinitions/0/secrets/0/name"),
        text("/containerDefinitions/0/secrets/0/valueFrom"),
    );
    ensure!(
        name.is_some_and(|name| name.starts_with("DATABASE_"))
            && from.is_some_and(|arn| arn.contains(":secretsmanager:")),
        "the container's secret is {name:?} from {from:?}"
    );
    let roles = (text("/executionRoleArn"), text("/taskRoleArn"));
    ensure!(
        roles.0.is_some() && roles.1.is_some() && roles.0 != roles.1,
        "the roles are {roles:?}"
    );
    Ok(())
}

fn scales_at(account: &LocalAws, seen: &Seen, expected: f64) -> anyhow::Result<()> {
    let arn = service_arn(seen)?;
    let service = arn
        .split_once(":service/")
        .context("not a service's ARN")?
        .1;
    let input = json!({"ServiceNamespace": "ecs", "ResourceId": format!("service/{service}")});
    let operation = "DescribeScalingPolicies";
    let answer = asked(account, Service::ApplicationAutoScaling, operation, input)?;
    let value =
        answer.pointer("/ScalingPolicies/0/TargetTrackingScalingPolicyConfiguration/TargetValue");
    ensure!(
        value.and_then(Value::as_f64) == Some(expected),
        "auto scaling holds {value:?}, not {expected}"
    );
    Ok(())
}

fn are_on_one_load_balancer(account: &LocalAws, seen: &Seen) -> anyhow::Result<()> {
    let on =
        |output: &str| anyhow::Ok(facts::answers(account, seen.output(output)?)?.load_balancer_arn);
    let (web, api) = (on("WebEndpoint")?, on("ApiEndpoint")?);
    ensure!(web == api, "one is on `{web}`, the other on `{api}`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_tried() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name("templates")
            .join("examples");
        let files = std::fs::read_dir(folder).unwrap();
        let templates: BTreeSet<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".yaml"))
            .map(|name| format!("examples/{name}"))
            .collect();
        let tried: BTreeSet<String> = CASES
            .iter()
            .map(|case| case.template.to_owned())
            .filter(|template| template.contains('/'))
            .collect();
        assert_eq!(tried, templates);
    }
}
