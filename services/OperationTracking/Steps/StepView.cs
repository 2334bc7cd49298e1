using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Steps;

internal enum StepStatus
{
    Waiting,
    InProgress,
    Done,
    Failed,
    Cancelled,
    Skipped,
}

/// <summary>A step as the API shows it.</summary>
/// <param name="Number">Of a leaf, from 1 in the order of all leaves, as reports name it; null for a step that has parts.</param>
/// <param name="Share">Percent of the whole operation, 0 to 100.</param>
/// <param name="Status">skipped when the operation ended before it; failed or cancelled where it ended.</param>
/// <param name="ProgressPercentage">Of the step itself, 0 to 100, by what was heard last.</param>
/// <param name="Steps">Its parts in their order; null for a leaf.</param>
internal sealed record StepView(string Name, int? Number, double Share, StepStatus Status, double ProgressPercentage, IReadOnlyList<StepView>? Steps)
{
    /// <summary>In the order of what is told of a step that has such parts.</summary>
    private static readonly StepStatus[] Telling = [StepStatus.Failed, StepStatus.Cancelled, StepStatus.InProgress];

    public static IReadOnlyList<StepView> Of(IReadOnlyList<OperationStep> steps, Progress progress) => new Walk(progress).Through(steps, 100);

    private static StepView Of(string name, double share, IReadOnlyList<StepView> parts)
    {
        var done = parts.Sum(part => part.Share * part.ProgressPercentage) / share;
        return new(name, null, share, StatusOf(parts), Math.Clamp(done, 0, 100), parts);
    }

    private static StepStatus StatusOf(IReadOnlyList<StepView> parts)
    {
        StepStatus[] all = [.. parts.Select(part => part.Status).Distinct()];
        return all.Length == 1 ? all[0]
            : Telling.FirstOrDefault(all.Contains) is var told and not StepStatus.Waiting ? told
            // Some are done: the others wait, or the operation was complete without them.
            : all.Contains(StepStatus.Waiting) ? StepStatus.InProgress : StepStatus.Done;
    }

    /// <summary>From leaf to leaf, counting what lies before.</summary>
    private sealed class Walk(Progress progress)
    {
        private int _number;
        private double _before;

        public List<StepView> Through(IReadOnlyList<OperationStep> steps, double share)
        {
            var all = steps.Sum(step => step.Weight);
            List<StepView> views = [];
            foreach (var step in steps)
            {
                var part = share * step.Weight / all;
                views.Add(step.Steps is { Count: > 0 } parts ? Of(step.Name, part, Through(parts, part)) : Leaf(step.Name, part));
            }

            return views;
        }

        private StepView Leaf(string name, double share)
        {
            _number++;
            var status = StatusOf(_number);
            var done = status switch
            {
                StepStatus.Done => 100,
                StepStatus.Waiting or StepStatus.Skipped => 0,
                _ => Math.Clamp(100 * (progress.Percentage - _before) / share, 0, 100),
            };
            _before += share;
            return new(name, _number, share, status, done, null);
        }

        private StepStatus StatusOf(int number) => number < progress.Step ? StepStatus.Done : progress.Status switch
        {
            // Of an operation that nothing but its end was heard of.
            OperationStatus.Completed => number == progress.Step || progress.Step == 0 ? StepStatus.Done : StepStatus.Skipped,
            OperationStatus.Failed or OperationStatus.TimedOut => number == progress.Step ? StepStatus.Failed : StepStatus.Skipped,
            OperationStatus.Cancelled or OperationStatus.Denied or OperationStatus.Expired => number == progress.Step ? StepStatus.Cancelled : StepStatus.Skipped,
            OperationStatus.InProgress or OperationStatus.WaitingExternal or OperationStatus.Cancelling => number == progress.Step ? StepStatus.InProgress : StepStatus.Waiting,
            _ => StepStatus.Waiting,
        };
    }
}
