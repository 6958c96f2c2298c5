//! Which memory Fargate gives with which CPU.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>

use crate::error::quoted;

/// Memory sizes that go with one CPU size, in MiB.
enum Memory {
    Each(&'static [u32]),
    Range { min: u32, max: u32, step: u32 },
}

/// A size of a task's CPU and the memory that goes with it.
pub struct TaskSize {
    /// CPU units.
    pub cpu: u32,
    /// Every size of the memory, in MiB.
    pub memory_mib: Vec<u32>,
    /// The same in words, as messages have it.
    pub described: String,
}

const GIB: u32 = 1024;

const SIZES: &[(u32, Memory)] = &[
    (256, Memory::Each(&[512, GIB, 2 * GIB])),
    (
        512,
        Memory::Range {
            min: GIB,
            max: 4 * GIB,
            step: GIB,
        },
    ),
    (
        1024,
        Memory::Range {
            min: 2 * GIB,
            max: 8 * GIB,
            step: GIB,
        },
    ),
    (
        2048,
        Memory::Range {
            min: 4 * GIB,
            max: 16 * GIB,
            step: GIB,
        },
    ),
    (
        4096,
        Memory::Range {
            min: 8 * GIB,
            max: 30 * GIB,
            step: GIB,
        },
    ),
    (
        8192,
        Memory::Range {
            min: 16 * GIB,
            max: 60 * GIB,
            step: 4 * GIB,
        },
    ),
    (
        16384,
        Memory::Range {
            min: 32 * GIB,
            max: 120 * GIB,
            step: 8 * GIB,
        },
    ),
    (32768, Memory::Each(&[60 * GIB, 120 * GIB, 244 * GIB])),
];

impl Memory {
    fn allows(&self, memory_mib: u32) -> bool {
        match self {
            Self::Each(sizes) => sizes.contains(&memory_mib),
            Self::Range { min, max, step } => {
                (*min..=*max).contains(&memory_mib) && (memory_mib - min).is_multiple_of(*step)
            }
        }
    }

    fn sizes(&self) -> Vec<u32> {
        match self {
            Self::Each(sizes) => sizes.to_vec(),
            Self::Range { min, max, step } => (*min..=*max)
                .step_by(usize::try_from(*step).unwrap_or(1))
                .collect(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Each(sizes) => one_of(sizes.iter().copied()),
            Self::Range { min, max, step } => format!("{min} to {max} in steps of {step}"),
        }
    }
}

/// Every pair that Fargate has, from the smallest CPU to the largest.
#[must_use]
pub fn task_sizes() -> Vec<TaskSize> {
    let size = |(cpu, memory): &(u32, Memory)| TaskSize {
        cpu: *cpu,
        memory_mib: memory.sizes(),
        described: memory.describe(),
    };
    SIZES.iter().map(size).collect()
}

/// The CPU sizes, in CPU units.
pub(crate) fn cpu_sizes() -> Vec<u32> {
    SIZES.iter().map(|(size, _)| *size).collect()
}

/// CPU units of a task.
pub(crate) fn cpu(text: &str) -> Result<u32, String> {
    let is_size = |units: &u32| SIZES.iter().any(|(size, _)| size == units);
    if let Some(units) = text.parse().ok().filter(is_size)
        && !text.starts_with('+')
    {
        return Ok(units);
    }
    if let Some(units) = in_units(text, &["vcpu"]).filter(is_size) {
        return Err(format!(
            "{} is a number of vCPUs: write CPU units, `{units}`",
            quoted(text)
        ));
    }
    let sizes = one_of(cpu_sizes().into_iter());
    Err(format!(
        "{} is not a CPU size of Fargate, expected {sizes} CPU units",
        quoted(text)
    ))
}

/// MiB of a task; whether it goes with the CPU is for [`memory_problem`] to say.
pub(crate) fn memory(text: &str) -> Result<u32, String> {
    let is_size = |mib: &u32| SIZES.iter().any(|(_, memory)| memory.allows(*mib));
    if let Some(mib) = text.parse().ok().filter(is_size)
        && !text.starts_with('+')
    {
        return Ok(mib);
    }
    if let Some(mib) = in_units(text, &["gb", "gib"]).filter(is_size) {
        return Err(format!(
            "{} is a number of GB: write MiB, `{mib}`",
            quoted(text)
        ));
    }
    Err(format!(
        "{} is not a memory size of Fargate, which are 512 to 249856 MiB",
        quoted(text)
    ))
}

/// What is wrong with the pair, if anything.
pub(crate) fn memory_problem(cpu: u32, memory_mib: u32) -> Option<String> {
    let (_, allowed) = SIZES.iter().find(|(size, _)| *size == cpu)?;
    (!allowed.allows(memory_mib)).then(|| {
        format!(
            "memory `{memory_mib}` is not allowed with cpu `{cpu}`, expected {}",
            allowed.describe()
        )
    })
}

/// A number of vCPUs or GB, with or without its unit, in units of 1/1024.
fn in_units(text: &str, units: &[&str]) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let number = units
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
        .unwrap_or(&text)
        .trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_decimal = |part: &str| part.len() <= 6 && part.chars().all(|c| c.is_ascii_digit());
    if !is_decimal(whole) || !is_decimal(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let scaled = (whole * scale + fraction) * 1024;
    scaled
        .is_multiple_of(scale)
        .then(|| u32::try_from(scaled / scale).ok())?
}

fn one_of(numbers: impl Iterator<Item = u32>) -> String {
    let mut words: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let last = words.pop().unwrap_or_default();
    format!("{} or {last}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_at_their_limits() {
        for (cpu, allowed, refused) in [
            (256, &[512, 1024, 2048][..], &[256, 768, 1536, 3072][..]),
            (512, &[1024, 4096], &[512, 1536, 5120]),
            (1024, &[2048, 8192], &[1024, 9216, 2049]),
            (2048, &[4096, 5120, 16384], &[3072, 17408]),
            (4096, &[8192, 30720], &[7168, 31744]),
            (8192, &[16384, 20480, 61440], &[12288, 17408, 65536]),
            (16384, &[32768, 40960, 122_880], &[24576, 36864, 131_072]),
            (32768, &[61440, 122_880, 249_856], &[65536, 245_760]),
        ] {
            for memory in allowed {
                assert_eq!(memory_problem(cpu, *memory), None);
            }
            for memory in refused {
                assert!(memory_problem(cpu, *memory).is_some(), "{cpu} {memory}");
            }
        }
    }

    #[test]
    fn vcpus_are_explained() {
        for (text, units) in [
            ("1", 1024),
            ("2", 2048),
            ("0.25", 256),
            (".5", 512),
            (".5 vCPU", 512),
            ("4 vcpu", 4096),
            ("16vCPU", 16384),
            ("1.0", 1024),
            ("1.", 1024),
        ] {
            let problem = cpu(text).unwrap_err();
            assert_eq!(
                problem,
                format!("`{text}` is a number of vCPUs: write CPU units, `{units}`")
            );
        }
        for text in [
            "3",
            "1000",
            "-1",
            "+1024",
            "x",
            ".",
            "1.0000001",
            "99999999999",
            "1024.0 MB",
        ] {
            let problem = cpu(text).unwrap_err();
            assert!(
                problem.contains("is not a CPU size of Fargate"),
                "{problem}"
            );
        }
    }

    #[test]
    fn gigabytes_are_explained() {
        for (text, mib) in [
            ("4", 4096),
            ("0.5GB", 512),
            ("2 GB", 2048),
            ("30 GiB", 30720),
        ] {
            let problem = memory(text).unwrap_err();
            assert_eq!(
                problem,
                format!("`{text}` is a number of GB: write MiB, `{mib}`")
            );
        }
        for text in ["", "1000", "0", "512MB", "+512", "1e3"] {
            assert!(
                memory(text).unwrap_err().contains("is not a memory size"),
                "{text}"
            );
        }
    }
}
