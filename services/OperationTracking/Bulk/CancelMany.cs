using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Work;
using Running = OpsPlatform.ServiceDefaults.Work.Operation;

namespace OpsPlatform.OperationTracking.Bulk;

internal sealed class CancelMany(BulkRun run, OperationMoves moves) : IDoOperation<BulkArgs>
{
    public static OperationKind Kind { get; } = new("operations.bulk_cancel", [new("Cancelling")]);

    public Task<object?> Do(BulkArgs args, Running operation, CancellationToken cancel) => run.Do(
        args,
        operation,
        row => row.IsOver ? "It has ended."
            : !OperationMoves.MayCancel(row) ? "It is being cancelled already."
            : row.CancelKindAt(row.CurrentStep) == CancelKind.Final ? OperationMoves.PastReturn
            : null,
        (transaction, rows) => moves.Cancel(transaction, rows, args.UserId, args.Reason, cancel),
        cancel);
}
