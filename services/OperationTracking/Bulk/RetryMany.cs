using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.ServiceDefaults.Work;
using Running = OpsPlatform.ServiceDefaults.Work.Operation;

namespace OpsPlatform.OperationTracking.Bulk;

internal sealed class RetryMany(BulkRun run, OperationMoves moves, OperationsDb db, TimeProvider time) : IDoOperation<BulkArgs>
{
    public static OperationKind Kind { get; } = new("operations.bulk_retry", [new("Queueing again")]);

    public Task<object?> Do(BulkArgs args, Running operation, CancellationToken cancel) => run.Do(
        args,
        operation,
        row => OperationMoves.MayRetry(row, time.GetUtcNow()) ? null : "It has not failed, or too long ago.",
        async (transaction, rows) =>
        {
            await moves.Retry(rows, args.UserId, cancel);
            if (rows.Any(row => row.Service == PostedOperations.Service) && await PostOperation.HasTooManyOpen(db, cancel))
            {
                throw new OperationRefusedException($"The organisation has {PostOperation.MostOpen} posted operations open, which is the most; end or cancel some, and try this again.");
            }

            await transaction.CommitAsync(cancel);
        },
        cancel);
}
