using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using OpsPlatform.OperationTracking.Reports;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Once what this scope changed is committed, wakes who waits for it and lets go of reports that it has made old.</summary>
internal sealed class TellAfterCommit(OperationWatch watches, LatestReports latest) : DbTransactionInterceptor
{
    private readonly List<(Guid Org, Guid Id, bool HasEnded)> _changed = [];

    public void Changed(Guid org, Guid id, bool hasEnded = false) => _changed.Add((org, id, hasEnded));

    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        foreach (var (org, id, hasEnded) in _changed)
        {
            if (hasEnded)
            {
                latest.Forget(org, id);
            }
            else
            {
                latest.Known(org, id);
            }

            watches.Changed(org, id);
        }

        _changed.Clear();
        return Task.CompletedTask;
    }
}
